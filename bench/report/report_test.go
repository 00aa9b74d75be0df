package report_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney/bench/report"
)

// Above 1 means that we are better, whatever the sense of the values.
func TestRatio(t *testing.T) {
	for _, tt := range []struct {
		sense        report.Sense
		ours, theirs float64
		want         float64 // NaN: none
	}{
		{report.Lower, 2, 6, 3},
		{report.Lower, 6, 2, 1.0 / 3},
		{report.Lower, 0, 2, math.NaN()},
		{report.Higher, 6, 2, 3},
		{report.Higher, 6, 0, math.NaN()},
		{report.Decade, -2, -1, 10},
		{report.Decade, -1, -2, 0.1},
		{report.Decade, math.NaN(), -2, math.NaN()},
	} {
		got := float64(tt.sense.Ratio(tt.ours, tt.theirs))
		if math.IsNaN(tt.want) != math.IsNaN(got) || math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%v.Ratio(%v, %v) = %v, want %v", tt.sense, tt.ours, tt.theirs, got, tt.want)
		}
	}
}

func TestGoal(t *testing.T) {
	for _, tt := range []struct {
		sense      report.Sense
		ours, goal float64
		text       string
		met        bool
	}{
		{report.Lower, 9, 10, "≤ 10", true},
		{report.Lower, 11, 10, "≤ 10", false},
		{report.Decade, -1.1, -1.1, "≤ -1.1", true},
		{report.Decade, math.NaN(), -1.1, "≤ -1.1", false},
		{report.Higher, 9, 10, "≥ 10", false},
		{report.Higher, 10, 10, "≥ 10", true},
	} {
		r := report.New("n", "p", "u", tt.sense, tt.ours, 1).WithGoal(tt.sense, tt.goal)
		if r.Goal != tt.text || *r.Met != tt.met {
			t.Errorf("%v of %v: %q met %v", tt.ours, tt.goal, r.Goal, *r.Met)
		}
	}
}

// The file has the keys that programs read, and null where there is no number.
func TestFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	r := report.Report{Name: "x"}
	r.Add(report.New("fast", "them 1.0", "ms", report.Lower, 2, 1), report.New("no peer", "", "ms", report.Lower, 2, math.NaN()).WithQuality("rows", 7, 8))
	r.Skip("no data", "left out")
	var page bytes.Buffer
	if err := r.Write(dir, &page); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "x.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0]["ratio"] != 0.5 || rows[0]["quality_ours"] != nil || rows[1]["theirs"] != nil || rows[1]["quality_theirs"] != 8.0 {
		t.Errorf("rows %v", rows)
	}
	for _, key := range []string{"name", "peer", "ours", "theirs", "unit", "ratio", "quality_ours", "quality_theirs"} {
		if _, ok := rows[0][key]; !ok {
			t.Errorf("no key %s", key)
		}
	}
	var back []report.Row
	if err := json.Unmarshal(data, &back); err != nil || back[0].Ours != 2 || !math.IsNaN(float64(back[1].Theirs)) {
		t.Errorf("read back %+v, %v", back, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "x.txt"))
	if err != nil || string(text) != page.String() {
		t.Errorf("the page on disk is another one: %v", err)
	}
	worse, left := strings.Index(page.String(), "Worse than the peer"), strings.Index(page.String(), "left out: no data")
	if fast := strings.Index(page.String(), "fast"); worse < 0 || fast < worse || left < fast {
		t.Errorf("page\n%s", page.String())
	}
}

func TestEmptyFile(t *testing.T) {
	dir := t.TempDir()
	if err := (&report.Report{Name: "x"}).Write(dir, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(filepath.Join(dir, "x.json")); strings.TrimSpace(string(data)) != "[]" {
		t.Errorf("a report without rows is %q", data)
	}
}
