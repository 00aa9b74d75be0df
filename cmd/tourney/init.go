package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"tourney"
	"tourney/dataset/ingest"
	tables "tourney/dataset/table"
	"tourney/trainers"
)

// initRows is how many rows of a table are looked at.
const initRows = 50_000

func newInit() *cobra.Command {
	var target, trainer, out string
	var trials int
	var force bool
	cmd := &cobra.Command{
		Use:   "init FILE",
		Short: "Write a sweep file, with comments, for a table",
		Long: `Init looks at a table (CSV or any other that tourney dataset add takes) and writes a
sweep file for it: the column that looks like the one to predict, its task and metric,
a trainer that suits, and ranges that are a good start. What it is unsure of it says in
comments. The file runs as it is: tourney run FILE`,
		Example: `  tourney init churn.csv --target Churn > churn.yaml
  tourney init houses.csv --out houses.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if trials < 1 {
				return usageError{fmt.Errorf("--trials must be at least 1, not %d", trials)}
			}
			s, err := survey(cmd.Context(), args[0])
			if err != nil {
				return interrupted(cmd.Context(), err)
			}
			where := "."
			if out != "" {
				where = filepath.Dir(out)
			}
			file, err := s.sweep(args[0], where, target, trainer, trials)
			if err != nil {
				return err
			}
			if out == "" {
				_, err = cmd.OutOrStdout().Write(file)
				return err
			}
			mode := os.O_CREATE | os.O_WRONLY | os.O_EXCL
			if force {
				mode = os.O_CREATE | os.O_WRONLY | os.O_TRUNC
			}
			f, err := os.OpenFile(out, mode, 0o666) //nolint:gosec // a file of the user's, as others: the umask decides
			if err != nil {
				return usageError{fmt.Errorf("--out: %w", err)}
			}
			_, err = f.Write(file)
			if err = errors.Join(err, f.Close()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s; play it: tourney run %s\n", out, out)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&target, "target", "", "the column to predict; guessed if not given")
	f.StringVar(&trainer, "trainer", "", "what trains: "+strings.Join(trainers.Names(), ", ")+"; chosen by the table if not given")
	f.IntVar(&trials, "trials", 60, "trials of the sweep")
	f.StringVarP(&out, "out", "o", "", "file to write; stdout if not given")
	f.BoolVar(&force, "force", false, "write over a file that is there")
	return cmd
}

// surveyed is what a look at a table told.
type surveyed struct {
	rows    int
	whole   bool // all rows were seen
	hint    string
	columns []surveyedColumn
}

type surveyedColumn struct {
	name     string
	kind     tables.Type
	numeric  bool // all values are numbers, dates or truth values not among them
	integral bool
	missing  int
	values   map[string]int // how often each comes, up to a thousand values
	more     bool           // there are more values
}

var errEnough = errors.New("enough rows")

// survey looks at the first rows of a table.
func survey(ctx context.Context, path string) (*surveyed, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, usageError{fmt.Errorf("read table: %w", err)}
	}
	src, err := ingest.OpenTable(ctx, []ingest.File{{Name: filepath.Base(path), Path: path}}, "", os.TempDir())
	if err != nil {
		return nil, err
	}
	defer src.Close()
	s := &surveyed{hint: src.Hints().Target, whole: true}
	for _, f := range src.Fields() {
		s.columns = append(s.columns, surveyedColumn{name: f.Name, kind: f.Type, numeric: f.Type == tables.Text || f.Type == tables.Number, integral: true, values: map[string]int{}})
	}
	err = src.Scan(ctx, func(b *tables.Batch) error {
		for i := range b.Columns {
			s.columns[i].see(&b.Columns[i], b.Rows)
		}
		if s.rows += b.Rows; s.rows >= initRows {
			s.whole = false
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	if s.rows == 0 {
		return nil, tourney.Invalid("", "%s has no rows", path)
	}
	return s, nil
}

// see counts the values of a batch.
func (c *surveyedColumn) see(col *tables.Column, rows int) {
	for i := range rows {
		var text string
		switch c.kind {
		case tables.Text:
			text = string(col.Text(i))
		case tables.Number, tables.Bool, tables.Time:
			if !math.IsNaN(col.Numbers[i]) {
				text = strconv.FormatFloat(col.Numbers[i], 'g', -1, 64)
			}
		default:
			return
		}
		if text == "" {
			c.missing++
			continue
		}
		if c.numeric {
			f, err := strconv.ParseFloat(text, 64)
			c.numeric = err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
			c.integral = c.integral && c.numeric && f == math.Trunc(f)
		}
		if _, known := c.values[text]; known || len(c.values) < 1000 {
			c.values[text]++
		} else {
			c.more = true
		}
	}
}

// classes reports whether the column would be the target of a classification.
func (c *surveyedColumn) classes() bool {
	return !c.more && len(c.values) >= 2 && (!c.numeric || c.integral && len(c.values) <= 20)
}

// fit reports whether the column can be a target at all.
func (c *surveyedColumn) fit() bool {
	return c.kind != tables.Sparse && c.kind != tables.Time && (c.numeric && (c.more || len(c.values) > 1) || c.classes())
}

// likely scores the column as the one to predict; last says that it is the last.
func (c *surveyedColumn) likely(rows int, last bool) int {
	name := strings.ToLower(c.name)
	score := 0
	for _, w := range []string{"target", "label", "class", "outcome", "y"} {
		if name == w {
			score += 10
		}
	}
	for _, w := range []string{"target", "label", "churn", "survived", "default", "fraud", "price", "income", "species", "quality", "diagnosis", "click", "result"} {
		if strings.Contains(name, w) {
			score += 4
			break
		}
	}
	if last {
		score += 5
	}
	if c.classes() {
		score += 2
	}
	if !c.classes() && len(c.values) >= min(rows, 1000) && c.integral || strings.HasSuffix(name, "id") {
		score -= 8 // numbers that count the rows
	}
	return score - 10*c.missing/max(1, rows)
}

// candidates lists the columns that may be the target, the likeliest first.
func (s *surveyed) candidates() []string {
	var at []int
	for i := range s.columns {
		if s.columns[i].fit() {
			at = append(at, i)
		}
	}
	score := func(i int) int {
		n := s.columns[i].likely(s.rows, i == len(s.columns)-1)
		if s.columns[i].name == s.hint {
			n += 100
		}
		return n
	}
	slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(score(b), score(a)) })
	names := make([]string, len(at))
	for i, k := range at {
		names[i] = s.columns[k].name
	}
	return names
}

// sweep writes the file; it lies in the directory where.
func (s *surveyed) sweep(path, where, target, trainer string, trials int) ([]byte, error) {
	candidates := s.candidates()
	if target == "" && len(candidates) == 0 {
		return nil, tourney.Invalid("", "%s: no column can be predicted: each has one value only, or texts without end", path)
	}
	guessed := target == ""
	target = cmp.Or(target, append(candidates, "")[0])
	i := slices.IndexFunc(s.columns, func(c surveyedColumn) bool { return c.name == target })
	if i < 0 {
		return nil, usageError{fmt.Errorf("--target: %s has no column %q%s", path, target, tourney.DidYouMean(target, candidates))}
	}
	c := &s.columns[i]
	if !c.fit() {
		return nil, usageError{fmt.Errorf("--target: %q cannot be predicted: it has one value only, or texts without end", target)}
	}
	sparse := slices.ContainsFunc(s.columns, func(c surveyedColumn) bool { return c.kind == tables.Sparse })
	why := "you chose it"
	if trainer == "" {
		switch trainer, why = "gbdt", "a good start on tables; try linear, mlp or forest, too"; {
		case sparse:
			trainer, why = "linear", "a good start on sparse rows; try fm, too"
		case s.rows < 150:
			trainer, why = "linear", "there are few rows; try forest, too"
		}
	}
	if _, ok := trainers.Lookup(trainer); !ok {
		return nil, usageError{fmt.Errorf("--trainer: there is no %q%s", trainer, tourney.DidYouMean(trainer, trainers.Names()))}
	}
	task, metric, about := tourney.Classification, "logloss", "or accuracy, auc, pr_auc, f1, brier"
	if !c.classes() {
		task, metric, about = tourney.Regression, "rmse", "or mae, r2, mape"
	}
	rel, err := filepath.Rel(where, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		if rel, err = filepath.Abs(path); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s: %s rows%s, %d columns.\n", printable(filepath.Base(path)), grouped(int64(s.rows)), map[bool]string{false: " and more", true: ""}[s.whole], len(s.columns))
	fmt.Fprintf(&b, "# Play it:         tourney run FILE\n# See what it does: tourney sweep validate FILE   (on a server)\n")
	fmt.Fprintf(&b, "name: %s\ndataset: %s\n", cleanName(path), quoted(filepath.ToSlash(rel)))
	if guessed && len(candidates) > 1 {
		fmt.Fprintf(&b, "# The column to predict is a guess; others: %s\n", printable(some(candidates[1:], 5)))
	}
	fmt.Fprintf(&b, "target: %s # %s%s\n", quoted(target), task, c.describe(task))
	if c.missing > 0 {
		fmt.Fprintf(&b, "# %s rows have no %s; they are left out.\n", grouped(int64(c.missing)), printable(target))
	}
	b.WriteString("split: 0.2 # the share of rows that are sealed: only the winner is measured on them\n")
	fmt.Fprintf(&b, "trainer: %s # %s\n", trainer, why)
	b.WriteString("method: auto # a model of what was seen so far; or random, tpe, gp, sobol, grid, …\n")
	fmt.Fprintf(&b, "metric: {name: %s} # %s\n", metric, about)
	fmt.Fprintf(&b, "run_cap: %d # trials\nseed: 1\n", trials)
	b.WriteString(spaceFor(trainer, s.rows))
	spec, err := tourney.ParseSpec(b.Bytes(), "")
	if err != nil {
		return nil, fmt.Errorf("the file that was written is none, which is a mistake of this program: %w\n%s", err, b.Bytes())
	}
	if f, ok := trainers.Lookup(trainer); ok {
		if wrong := f.CheckSpace(spec.Parameters); len(wrong) > 0 {
			return nil, &tourney.InvalidError{Fields: wrong}
		}
	}
	return b.Bytes(), nil
}

// describe says what a target holds.
func (c *surveyedColumn) describe(task tourney.Task) string {
	if task == tourney.Regression {
		return ", a number"
	}
	names := make([]string, 0, len(c.values))
	for v := range c.values {
		names = append(names, v)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(c.values[b], c.values[a]), cmp.Compare(a, b)) })
	return fmt.Sprintf(", %d classes: %s", len(names), printable(some(names, 5)))
}

// spaceFor is where to search with a trainer, and how long its trials train.
func spaceFor(trainer string, rows int) string {
	leaf := max(2, min(20, rows/50))
	switch trainer {
	case "gbdt":
		return fmt.Sprintf(`# Trials that are behind after some rounds end early.
early_terminate: {type: asha, min_iter: 9, max_iter: 243, eta: 3}
parameters:
  learning_rate: {distribution: log_uniform_values, min: 0.01, max: 0.3}
  num_leaves: {distribution: int_uniform, min: 4, max: 127} # of a tree
  min_data_in_leaf: {distribution: int_uniform, min: %d, max: %d} # more: smoother
  feature_fraction: {distribution: uniform, min: 0.4, max: 1.0} # columns that a tree sees
  lambda_l2: {distribution: log_uniform_values, min: 0.001, max: 10}
`, max(1, leaf/2), 3*leaf)
	case "forest":
		return fmt.Sprintf(`parameters:
  max_depth: {distribution: int_uniform, min: 3, max: 20}
  min_data_in_leaf: {distribution: int_uniform, min: 1, max: %d} # more: smoother
`, leaf)
	case "tree":
		return fmt.Sprintf(`parameters:
  max_depth: {distribution: int_uniform, min: 2, max: 12}
  min_data_in_leaf: {distribution: int_uniform, min: 1, max: %d} # more: smoother
`, leaf)
	case "mlp", "fm":
		return `# Trials that are behind after some epochs end early.
early_terminate: {type: asha, min_iter: 3, max_iter: 81, eta: 3}
parameters:
  learning_rate: {distribution: log_uniform_values, min: 0.0003, max: 0.03}
  batch_size: {values: [32, 128]}
`
	}
	return `# Trials that are behind after some epochs end early.
early_terminate: {type: asha, min_iter: 3, max_iter: 81, eta: 3}
parameters:
  learning_rate: {distribution: log_uniform_values, min: 0.001, max: 0.3}
  l2: {distribution: log_uniform_values, min: 0.00001, max: 0.1} # more: smoother
`
}

// quoted writes a text as a value of YAML, on one line.
func quoted(text string) string {
	n := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Style: yaml.DoubleQuotedStyle}
	if nameLike(text) {
		n.Style = 0
	}
	out, err := yaml.Dump(&n, yaml.WithLineWidth(-1))
	if err != nil {
		return strconv.Quote(text)
	}
	return strings.TrimSpace(string(out))
}

// nameLike reports whether a text needs no quotes in any version of YAML.
func nameLike(text string) bool {
	for i, r := range text {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_' || i > 0 && ('0' <= r && r <= '9' || strings.ContainsRune("./-", r))) {
			return false
		}
	}
	return text != "" && !slices.Contains([]string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}, strings.ToLower(text))
}

// printable makes a text safe for a comment.
func printable(text string) string { return shorten(text, 100) }
