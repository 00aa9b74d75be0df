package dataset

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"tourney"
	"tourney/dataset/shard"
	"tourney/dataset/table"
)

// PartRows is the number of consecutive rows that are summed as one part.
const PartRows = shard.PartRows

// rows reads the rows of a version, shard by shard: however large it is, two
// shards are in memory.
type rows struct {
	ds    *tourney.Dataset
	disk  *disk
	token *tourney.Token // shown for test shards alone
}

// chunk is some consecutive rows of a shard.
type chunk struct {
	frame  *table.Frame
	lo, hi int // rows of the frame
	at     int // where the first of them is in what is scanned
}

// series returns a column, which is among those that are scanned.
func (c *chunk) series(name string) *table.Series { return c.frame.Lookup(name) }

// visit is a run of a shard's rows that a scan takes in.
type visit struct {
	shard  int
	lo, hi int
	at     int
}

// scan reads the rows of spans one after the other, of the columns of those
// names, and hands them over shard by shard; a chunk is valid until yield
// returns. The next shard is read meanwhile.
func (r *rows) scan(ctx context.Context, spans []span, columns []string, yield func(*chunk) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type read struct {
		frame *table.Frame
		visit visit
		err   error
	}
	free, ready := make(chan *table.Frame, 2), make(chan read)
	free <- &table.Frame{}
	free <- &table.Frame{}
	var reader sync.WaitGroup
	defer reader.Wait()
	defer cancel()
	reader.Go(func() {
		defer close(ready)
		for _, v := range r.visits(spans) {
			select {
			case <-ctx.Done():
				return
			case f := <-free:
				err := r.load(ctx, v.shard, columns, f)
				select {
				case ready <- read{f, v, err}:
				case <-ctx.Done():
					return
				}
			}
		}
	})
	for in := range ready {
		if in.err != nil {
			return in.err
		}
		if err := yield(&chunk{in.frame, in.visit.lo, in.visit.hi, in.visit.at}); err != nil {
			return err
		}
		free <- in.frame
	}
	return context.Cause(ctx)
}

// visits lists the runs of rows, shard by shard, that make up spans.
func (r *rows) visits(spans []span) []visit {
	var out []visit
	at := 0
	for _, s := range spans {
		from := 0
		for i := range len(r.ds.Shards) + len(r.ds.Test) {
			n := r.shard(i).Rows
			lo, hi := max(s.from, from)-from, min(s.to, from+n)-from
			if lo < hi {
				out = append(out, visit{i, lo, hi, at})
				at += hi - lo
			}
			from += n
		}
	}
	return out
}

// shard returns a shard, those of the test rows after all others.
func (r *rows) shard(i int) tourney.Shard {
	if i < len(r.ds.Shards) {
		return r.ds.Shards[i]
	}
	return r.ds.Test[i-len(r.ds.Shards)]
}

// load reads a shard.
func (r *rows) load(ctx context.Context, i int, columns []string, f *table.Frame) error {
	s, use, token := r.shard(i), shard.Train, (*tourney.Token)(nil)
	if i >= len(r.ds.Shards) {
		use, token = shard.Test, r.token
	}
	blob, err := r.disk.read(ctx, s.Hash, s.Bytes, token)
	if err != nil {
		return fmt.Errorf("shard %d: %w", i, err)
	}
	if err := shard.Decode(blob, shard.Of(r.ds, use).Only(columns...), s.Rows, f); err != nil {
		return fmt.Errorf("shard %d, blob %s: %w: %w", i, s.Hash, ErrCorrupt, err)
	}
	return nil
}

// groupKey is a value of a group column in a form that can be compared.
type groupKey struct {
	bits uint64
	kind tourney.ColumnKind
}

// keyOf returns the key of a row; all missing values are one group.
func keyOf(s *table.Series, row int) groupKey {
	k := groupKey{kind: s.Kind}
	switch {
	case s.Missing(row):
		return groupKey{}
	case s.Kind.Numeric():
		k.bits = math.Float64bits(s.Numbers[row] + 0) // -0 is 0
	case s.Kind == tourney.Category:
		k.bits = uint64(s.Codes[row])
	case s.Kind == tourney.Text:
		k.bits = s.Hashes[row]
	}
	return k
}

// parallel calls f(0) to f(n-1) on as many goroutines as there are cores and
// returns the error of the least i that has one.
func parallel(n int, f func(i int) error) error {
	errs := make([]error, n)
	workers := min(n, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				errs[i] = f(i)
			}
		})
	}
	wg.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// features returns the columns that features are made of: all but the target,
// the group, which a model should know nothing of, and the weight.
func features(ds *tourney.Dataset) []*tourney.Column {
	var out []*tourney.Column
	for i := range ds.Columns {
		if c := &ds.Columns[i]; c.Name != ds.Target && c.Name != ds.Group && c.Name != ds.Weight {
			out = append(out, c)
		}
	}
	return out
}
