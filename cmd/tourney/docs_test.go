package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"tourney/trainers"
)

// The table of each trainer's parameters in docs/sweep-file.md is what the
// trainer declares.
func TestDocumentedParameters(t *testing.T) {
	data, err := os.ReadFile("../../docs/sweep-file.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range trainers.Names() {
		want := fmt.Sprintf("`%s`:\n\n| parameter | values | default | |\n|---|---|---|---|\n", name)
		for _, p := range trainers.Params(name) {
			want += fmt.Sprintf("| `%s` | %s | %v | %s |\n", p.Name, p.Range(), p.Default, p.Help)
		}
		if !strings.Contains(string(data), want) {
			t.Errorf("docs/sweep-file.md does not have this table:\n%s", want)
		}
	}
}

// Each direct dependency has its reason in CONTRIBUTING.md.
func TestDependenciesHaveReasons(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	reasons, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		if !strings.Contains(string(reasons), "`"+m[1]+"`") {
			t.Errorf("CONTRIBUTING.md gives no reason for %s", m[1])
		}
	}
}
