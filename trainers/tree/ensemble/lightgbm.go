package ensemble

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"tourney"
)

// LightGBM says how an ensemble becomes a model of LightGBM.
type LightGBM struct {
	// Objective is LightGBM's name of what was trained, with its parameters, as
	// in "quantile alpha:0.9". Empty: one with the same link.
	Objective string
	// Other is the level that stands, in data given to LightGBM, for all levels
	// of a column that share the bin after its most frequent ones. Empty: there
	// is none, and such levels are missing values to LightGBM; which is an error
	// if a tree sends the two different ways.
	Other string
}

// objectives are LightGBM's, by the link that they imply; the first is the one
// to name if none was given.
var objectives = map[Link][]string{
	Identity: {"regression", "regression_l1", "huber", "fair", "quantile", "mape"},
	Logistic: {"binary"},
	Softmax:  {"multiclass"},
	Exp:      {"poisson", "gamma", "tweedie"},
}

// Write writes a valid ensemble in LightGBM's text form, version 4. Loaded by
// LightGBM it predicts the same, the last bits of averages and of links aside.
//
// LightGBM is given numbers as they are, booleans as 0 and 1, dates as seconds
// since 1970, and categories as their places among the levels of their column:
// the number after these is any other level, NaN a missing one. A DataFrame of
// pandas has categorical columns with levels of the same names instead. What the
// format cannot express is an error.
//
// Two habits of LightGBM hold whatever the model: numbers up to 1e-35 in
// magnitude are 0; and its raw scores, and its contributions, of averaged trees
// are their sums.
func (o LightGBM) Write(e *Ensemble) ([]byte, error) {
	objective, err := o.objective(e)
	if err != nil {
		return nil, err
	}
	names := lightNames(e.Features.Names())
	levels, err := o.levels(e)
	if err != nil {
		return nil, err
	}
	trees := make([]string, 0, len(e.Trees))
	for _, t := range e.singles() {
		text, err := o.tree(e, t)
		if err != nil {
			return nil, err
		}
		trees = append(trees, fmt.Sprintf("Tree=%d\n%s\n\n", len(trees), text))
	}
	var b bytes.Buffer
	line := func(key string, value any) { fmt.Fprintf(&b, "%s=%v\n", key, value) }
	b.WriteString("tree\n")
	line("version", "v4")
	line("num_class", e.Outputs)
	line("num_tree_per_iteration", e.Outputs)
	line("label_index", 0)
	line("max_feature_idx", len(names)-1)
	if objective != "" {
		line("objective", objective)
	}
	if e.Average {
		b.WriteString("average_output\n")
	}
	line("feature_names", strings.Join(names, " "))
	line("feature_infos", strings.Join(e.lightInfos(), " "))
	sizes := make([]string, len(trees))
	for i, t := range trees {
		sizes[i] = strconv.Itoa(len(t))
	}
	line("tree_sizes", strings.Join(sizes, " "))
	b.WriteByte('\n')
	for _, t := range trees {
		b.WriteString(t)
	}
	b.WriteString("end of trees\n\nfeature_importances:\n")
	splits := e.Splits()
	for _, f := range byUse(splits) {
		line(names[f], splits[f])
	}
	fmt.Fprintf(&b, "\npandas_categorical:%s\n", levels)
	return b.Bytes(), nil
}

// objective returns the value of the line objective; empty: no such line, as
// outputs are scores.
func (o LightGBM) objective(e *Ensemble) (string, error) {
	known := objectives[e.Link]
	name, _, _ := strings.Cut(o.Objective, " ")
	switch {
	case e.Link == Identity && e.Outputs > 1 && o.Objective == "":
		return "", nil
	case strings.ContainsAny(o.Objective, "\n\r="), o.Objective != "" && !slices.Contains(known, name), e.Link == Identity && e.Outputs > 1:
		return "", tourney.Invalid("objective", "%q of LightGBM does not have the link %s with %d outputs; known are %s", o.Objective, e.Link, e.Outputs, strings.Join(known, ", "))
	case e.Link == Exp && e.Outputs > 1:
		return "", tourney.Invalid("link", "LightGBM has no objective with the link exp and %d outputs", e.Outputs)
	case e.Link == Logistic:
		return "binary sigmoid:1", nil
	case e.Link == Softmax && e.Outputs == 1:
		return "", tourney.Invalid("link", "LightGBM has no softmax of one output")
	case e.Link == Softmax:
		return fmt.Sprintf("multiclass num_class:%d", e.Outputs), nil
	case o.Objective != "":
		return o.Objective, nil
	}
	return known[0], nil
}

// levels returns the levels of the category columns as JSON: what LightGBM's
// Python package turns a DataFrame's categories into places by.
func (o LightGBM) levels(e *Ensemble) (string, error) {
	all := [][]string{}
	for _, f := range e.Features.Features {
		if f.Kind != tourney.Category {
			continue
		}
		levels := append([]string{}, f.Levels...)
		if f.Other && o.Other != "" {
			if slices.Contains(levels, o.Other) {
				return "", tourney.Invalid("other", "%q is a level of column %s: choose a name that is none", o.Other, f.Name)
			}
			levels = append(levels, o.Other)
		}
		all = append(all, levels)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(all); err != nil {
		return "", fmt.Errorf("ensemble: levels: %w", err)
	}
	return strings.TrimSpace(b.String()), nil
}

// lightNames returns names that LightGBM takes: without white space and the
// punctuation of JSON, none empty, and no two alike.
func lightNames(names []string) []string {
	out := make([]string, len(names))
	taken := make(map[string]bool, len(names))
	for i, name := range names {
		clean := strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`",:[]{}`, r) {
				return '_'
			}
			return r
		}, strings.ToValidUTF8(name, "_"))
		if clean == "" {
			clean = "_"
		}
		out[i] = clean
		for k := 2; taken[out[i]]; k++ {
			out[i] = fmt.Sprintf("%s_%d", clean, k)
		}
		taken[out[i]] = true
	}
	return out
}

// lightInfos returns what LightGBM keeps of the values of each feature. It
// predicts without.
func (e *Ensemble) lightInfos() []string {
	out := make([]string, len(e.Features.Features))
	for i, f := range e.Features.Features {
		switch {
		case len(f.Edges) > 0:
			out[i] = fmt.Sprintf("[%s:%s]", number(f.Edges[0]), number(f.Edges[len(f.Edges)-1]))
		case f.Kind == tourney.Category && f.Bins() > 1:
			codes := make([]string, f.Bins()-1)
			for code := range codes {
				codes[code] = strconv.Itoa(code)
			}
			out[i] = strings.Join(codes, ":")
		default:
			out[i] = "none"
		}
	}
	return out
}

// byUse returns the features that trees ask for, the most asked for first.
func byUse(splits []int) []int {
	var out []int
	for f, n := range splits {
		if n > 0 {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b int) int { return splits[b] - splits[a] })
	return out
}
