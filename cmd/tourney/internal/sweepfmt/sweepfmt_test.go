package sweepfmt_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tourney"
	"tourney/cmd/tourney/internal/sweepfmt"
)

const messy = `# A sweep of ours.

parameters:
    # how fast
    rate: {max: "1", min: 1e-4, distribution: log_uniform_values} # log
    flags:
        values:
        - yes   # on
        # off
        - 'no'
    net:
        parameters:
            depth: {max: 010, min: 1}
early_terminate: {eta: 3, type: asha, max_iter: 9}
# what is improved
metric: {goal: minimize, name: logloss}
run_cap: 5
trainer: linear # a linear one
dataset: d
`

const neat = `# A sweep of ours.

dataset: d
trainer: linear # a linear one
# what is improved
metric: {name: logloss, goal: minimize}
run_cap: 5
early_terminate: {type: asha, max_iter: 9, eta: 3}
parameters:
  # how fast
  rate: {distribution: log_uniform_values, min: 1e-4, max: "1"} # log
  flags:
    values:
    - yes # on
    # off
    - 'no'
  net:
    parameters:
      depth: {min: 1, max: 010}
`

func TestFormat(t *testing.T) {
	got, err := sweepfmt.Format([]byte(messy), "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != neat {
		t.Errorf("got\n%s\nwant\n%s", got, neat)
	}
}

// The order of keys knows each key of the file, as the schema does.
func TestOrderKnowsAllKeys(t *testing.T) {
	var s struct{ Properties map[string]any }
	if err := json.Unmarshal(tourney.SpecSchema(), &s); err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	for key := range s.Properties {
		fmt.Fprintf(&file, "%s: 1\n", key)
	}
	file.WriteString("zzz: 1\n")
	out, err := sweepfmt.Format([]byte(file.String()), "")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if last := lines[len(lines)-1]; last != "zzz: 1" {
		t.Errorf("%s comes after an unknown key: it is in no order", last)
	}
}

// meaning is the spec that a file is read as, or the errors without lines.
func meaning(data []byte) any {
	spec, err := tourney.ParseSpec(data, "")
	if inv := tourney.AsInvalid(err); inv != nil {
		var fields []string
		for _, f := range inv.Fields {
			fields = append(fields, f.Path+": "+f.Message)
		}
		slices.Sort(fields)
		return fields
	}
	slices.Sort(spec.Ignored)
	return spec
}

func check(t interface {
	Errorf(format string, args ...any)
}, data []byte,
) {
	out, err := sweepfmt.Format(data, "")
	if err != nil {
		return // left as it is
	}
	if a, b := meaning(data), meaning(out); !reflect.DeepEqual(a, b) {
		t.Errorf("%s\nbecame\n%s\n%+v\n%+v", data, out, a, b)
	}
	if again, err := sweepfmt.Format(out, ""); err != nil || string(again) != string(out) {
		t.Errorf("%s\nformatted again is\n%s\n%v", out, again, err)
	}
	if strings.Count(string(out), "#") < strings.Count(string(data), "#") {
		t.Errorf("%s\nloses a comment:\n%s", data, out)
	}
}

// The files that there are keep their meaning, and can all be formatted.
func TestFilesKeepTheirMeaning(t *testing.T) {
	for _, pattern := range []string{"../../../../examples/*.yaml", "../../testdata/*.yaml", "../foreign/testdata/*.golden"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := sweepfmt.Format(data, f); err != nil {
				t.Error(err)
			}
			check(t, data)
		}
	}
}

// Random files with random comments keep their meaning, and once is enough.
func TestRandomFilesKeepTheirMeaning(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var b strings.Builder
		comment := func(indent string) {
			if rapid.IntRange(0, 3).Draw(r, "comment") == 0 {
				fmt.Fprintf(&b, "%s# %s\n", indent, rapid.StringMatching(`[a-z ]{1,9}[a-z]`).Draw(r, "text"))
			}
			if rapid.IntRange(0, 5).Draw(r, "blank") == 0 {
				b.WriteString("\n")
			}
		}
		end := func() {
			if rapid.IntRange(0, 4).Draw(r, "trailing") == 0 {
				b.WriteString(" # t")
			}
			b.WriteString("\n")
		}
		value := rapid.SampledFrom([]string{"1", "0.5", "1e-5", "'1'", "yes", "\"no\"", "010", "null", "a b", "1:30", "|\n      text\n      more", "[1, [2, x]]"})
		tops := []string{"name: x", "dataset: d", "trainer: linear", "run_cap: 5", "seed: 010", "metric: {goal: minimize, name: logloss}", "early_terminate: {max_iter: 9, type: asha}", "parameters:"}
		for _, top := range rapid.Permutation(tops).Draw(r, "tops") {
			comment("")
			b.WriteString(top)
			end()
			if top != "parameters:" {
				continue
			}
			for i := range rapid.IntRange(1, 4).Draw(r, "params") {
				comment("  ")
				fmt.Fprintf(&b, "  p%d:", i)
				if rapid.Bool().Draw(r, "flow") {
					b.WriteString(" {max: 2.5, min: 0x1, distribution: uniform}")
					end()
					continue
				}
				b.WriteString("\n")
				comment("    ")
				fmt.Fprintf(&b, "    value: %s", value.Draw(r, "value"))
				end()
				comment("    ")
			}
		}
		check(r, []byte(b.String()))
	})
}

func FuzzFormat(f *testing.F) {
	f.Add([]byte(messy))
	f.Add([]byte("a: &a {x: 1}\nb: *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) { check(t, data) })
}
