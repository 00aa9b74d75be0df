package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"tourney"
)

const schemaFile = "../../docs/sweep.schema.json"

// The committed schema is the one that this version prints.
func TestSchemaIsCurrent(t *testing.T) {
	committed, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(committed) != string(tourney.SpecSchema()) {
		t.Error("docs/sweep.schema.json is not what tourney sweep schema prints; write it anew: make schema")
	}
}

// compileSchema returns the schema as an editor has it, checked against the
// draft's own.
func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(tourney.SpecSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("sweep.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("sweep.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fits validates a file as an editor reads it.
func fits(t *testing.T, s *jsonschema.Schema, data []byte) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		return err
	}
	return s.Validate(v)
}

// Each sweep file that there is fits the schema: examples, tests, documents,
// and what is imported.
func TestSweepFilesFitTheSchema(t *testing.T) {
	s := compileSchema(t)
	n := 0
	for _, pattern := range []string{"../../examples/*.yaml", "testdata/*.yaml", "internal/foreign/testdata/*.golden"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			n++
			if err := fits(t, s, data); err != nil {
				t.Errorf("%s: %v", f, err)
			}
			if strings.HasPrefix(pattern, "../../examples") && !bytes.HasPrefix(data, []byte("# yaml-language-server: $schema=../docs/sweep.schema.json\n")) {
				t.Errorf("%s does not name its schema in the first line", f)
			}
		}
	}
	for _, f := range []string{"../../README.md", "../../docs/sweep-file.md"} {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1) {
			n++
			if err := fits(t, s, []byte(m[1])); err != nil {
				t.Errorf("%s: %s\n%v", f, m[1], err)
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d files", n)
	}
}

// What a person gets wrong does not fit, and neither is it read.
func TestBadFilesDoNotFitTheSchema(t *testing.T) {
	const good = "dataset: d\ntrainer: linear\nmethod: random\nmetric: {name: logloss}\nrun_cap: 5\nparameters:\n  x: {min: 1, max: 3}\n"
	s := compileSchema(t)
	if err := fits(t, s, []byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range [][2]string{
		{"run_cap: 5", "run_capp: 5"},
		{"run_cap: 5", "run_cap: many"},
		{"run_cap: 5", "run_cap: 0"},
		{"trainer: linear\n", ""},
		{"method: random", "method: tpee"},
		{"{name: logloss}", "{nam: logloss}"},
		{"{name: logloss}", "{name: logloss, goal: maximise}"},
		{"run_cap: 5", "order: random"},
		{"run_cap: 5", "limits: {wal: 2h}"},
		{"run_cap: 5", "limits: {wall: two hours}"},
		{"run_cap: 5", "early_terminate: {type: ahsa, max_iter: 9}"},
		{"run_cap: 5", "early_terminate: {max_iter: 9}"},
		{"run_cap: 5", "early_terminate: {type: asha, max_iter: 9, population: 4}"},
		{"run_cap: 5", "preprocess: {scale: standart}"},
		{"run_cap: 5", "preprocess: {scal: standard}"},
		{"run_cap: 5", "constraints: a < b"},
		{"run_cap: 5", "points: {x: 1}"},
		{"{min: 1, max: 3}", "{min: 1}"},
		{"{min: 1, max: 3}", "3"},
		{"{min: 1, max: 3}", "{min: 1, max: 3, lag: 1}"},
		{"{min: 1, max: 3}", "{min: 1, max: a}"},
		{"{min: 1, max: 3}", "{value: 1, max: 3}"},
		{"{min: 1, max: 3}", "{values: []}"},
		{"{min: 1, max: 3}", "{distribution: uniform, min: 1}"},
		{"{min: 1, max: 3}", "{distribution: uniform, min: 1, max: 3, q: 1}"},
		{"{min: 1, max: 3}", "{distribution: unifrom, min: 1, max: 3}"},
		{"{min: 1, max: 3}", "{distribution: log_uniform, min: 1, max: 3, mu: 0}"},
		{"{min: 1, max: 3}", "{parameters: {y: {value: 1}}, min: 1}"},
		{"  x: {", "  1x: {"},
	} {
		bad := strings.Replace(good, tt[0], tt[1], 1)
		if bad == good {
			t.Fatalf("%q is not in the file", tt[0])
		}
		if fits(t, s, []byte(bad)) == nil {
			t.Errorf("fits, and should not:\n%s", bad)
		}
		if _, err := tourney.ParseSpec([]byte(bad), ""); err == nil {
			t.Errorf("is read, and should not:\n%s", bad)
		}
	}
}
