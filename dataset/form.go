package dataset

import (
	"context"

	"tourney"
)

// Auto as the form of a request leaves the choice to the cache, which is of
// the dataset's version and the preprocessing alone: all folds of a trial, its
// final job, and every worker make the same. It is CSR from sparseWidth
// features on if at most a sparseShare of their values is expected not to be
// 0, and Dense otherwise.
//
// What is expected: a number, an ordinal or a mean is never 0, since scaling
// leaves few zeros; a category or text that is one-hot or hashed is one value
// where it is not missing; an indicator is as frequent as what it indicates;
// and a sparse column has as many entries a row as in the first shard.
const (
	sparseWidth = 64
	sparseShare = 1.0 / 8
)

// chooseForm returns the form that Auto comes to.
func chooseForm(width int, filled float64) Form {
	if width >= sparseWidth && filled <= float64(sparseShare*float64(width)) {
		return CSR
	}
	return Dense
}

// autoForm returns what Auto comes to for a dataset.
func (r *rows) autoForm(ctx context.Context, p tourney.Preprocess) (Form, error) {
	width, filled := 0, 0.0
	outputs := (&labels{ds: r.ds}).outputs()
	seen := float64(max(1, r.ds.Rows-r.ds.TestRows))
	for _, c := range features(r.ds) {
		present := 1 - float64(c.Missing)/seen
		switch {
		case c.Kind == tourney.Sparse:
			n, err := r.entriesPerRow(ctx, c.Name)
			if err != nil {
				return "", err
			}
			width += c.Width
			filled += n
		case c.Kind == tourney.Text, c.Kind == tourney.Category && p.Encode == encodeHash:
			width += p.Buckets
			filled += present
		case c.Kind == tourney.Category && p.Encode == encodeOneHot:
			width += min(len(c.Categories), p.Levels)
			filled += present
		case c.Kind == tourney.Category && p.Encode == encodeTarget:
			width += outputs
			filled += float64(outputs)
		default:
			width++
			filled++
			if p.Indicator == "always" || p.Indicator == "auto" && c.Missing > 0 {
				width++
				filled += 1 - present
			}
		}
	}
	return chooseForm(width, filled), nil
}

// entriesPerRow counts the entries of a sparse column in the first shard.
func (r *rows) entriesPerRow(ctx context.Context, column string) (float64, error) {
	n, entries := r.shard(0).Rows, 0
	err := r.scan(ctx, []span{{0, n}}, []string{column}, func(c *chunk) error {
		s := c.series(column)
		entries += int(s.Starts[c.hi] - s.Starts[c.lo])
		return nil
	})
	return float64(entries) / float64(n), err
}

// Form returns whether rows that go through the pipeline are better kept dense
// or in CSR, by the rule of Auto with no more at hand than the pipeline: a
// sparse column is taken to be as sparse as it has to be.
func (p *Pipeline) Form() Form {
	filled := 0.0
	for i := range p.Inputs {
		in := &p.Inputs[i]
		switch {
		case in.Width > 0:
		case in.Buckets > 0 || in.Encode == encodeOneHot:
			filled++
		default:
			filled += float64(in.width())
		}
	}
	return chooseForm(p.Width(), filled)
}
