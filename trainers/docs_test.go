package trainers_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tourney/trainers"
	"tourney/trainers/heat"
)

// inWords are defaults that the documentation puts in words.
var inWords = map[string]string{"none": "", "by the task": "auto", "the trial's own": "-1"}

var (
	section     = regexp.MustCompile("(?m)^## `([a-z]+)`")
	nameOrParen = regexp.MustCompile("`([^`]+)`|(\\()|(\\))")
)

// docs/trainers.md has a section of each trainer, whose tables of parameters
// name those that it declares, each once, with their other names and defaults.
func TestDocumentedParameters(t *testing.T) {
	text, err := os.ReadFile("../docs/trainers.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	starts := section.FindAllSubmatchIndex(text, -1)
	for i, s := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		sections[string(text[s[2]:s[3]])] = string(text[s[0]:end])
	}
	if len(sections) != len(trainers.Names()) {
		t.Errorf("%d sections for %d trainers", len(sections), len(trainers.Names()))
	}
	for _, name := range trainers.Names() {
		f, _ := trainers.Lookup(name)
		seen := map[string]int{}
		for _, row := range parameterRows(sections[name]) {
			documented(t, &f, row, seen)
		}
		for _, p := range f.Params {
			if seen[p.Name] != 1 {
				t.Errorf("docs/trainers.md: section %s names %s %d times", name, p.Name, seen[p.Name])
			}
		}
	}
}

// parameterRows are the rows of the tables whose head begins with "parameter",
// as cells.
func parameterRows(section string) [][]string {
	var rows [][]string
	in := false
	for line := range strings.Lines(section) {
		switch {
		case strings.HasPrefix(line, "| parameter"):
			in = true
		case !strings.HasPrefix(line, "|"):
			in = false
		case in && !strings.HasPrefix(line, "|--"):
			cells := strings.Split(strings.Trim(strings.ReplaceAll(line, `\|`, "¦"), "|\n "), "|")
			rows = append(rows, append(cells, "", ""))
		}
	}
	return rows
}

// documented checks a row against the family's table.
func documented(t *testing.T, f *heat.Family, row []string, seen map[string]int) {
	t.Helper()
	var params []*trainers.Param
	inside := false
	for _, m := range nameOrParen.FindAllStringSubmatch(row[0], -1) {
		switch {
		case m[2] != "" || m[3] != "":
			inside = m[2] != ""
		case inside:
			if len(params) == 0 || !slices.Contains(params[len(params)-1].Aliases, m[1]) {
				t.Errorf("%s: %s is no other name of the parameter before it in %q", f.Trainer.Name(), m[1], row[0])
			}
		default:
			p := f.Lookup(m[1])
			if p == nil || p.Name != m[1] {
				t.Errorf("%s: there is no parameter %s", f.Trainer.Name(), m[1])
				return
			}
			params = append(params, p)
			seen[p.Name]++
		}
	}
	values := strings.Split(strings.SplitN(row[1], ";", 2)[0], ",")
	for i, p := range params {
		said := values[0]
		if len(params) > 1 && len(values) == len(params) {
			said = values[i]
		}
		said = strings.Trim(said, " `\"")
		if words, ok := inWords[said]; ok && words == p.DefaultText() {
			continue
		}
		if said != p.DefaultText() && !sameNumber(said, p) {
			t.Errorf("%s: the default of %s is %q, not %q", f.Trainer.Name(), p.Name, p.DefaultText(), said)
		}
	}
}

// sameNumber reports whether a text is the default in another notation.
func sameNumber(said string, p *trainers.Param) bool {
	v, err := strconv.ParseFloat(said, 64)
	return err == nil && p.Words == nil && p.Text == nil && v == p.Default
}
