package ingest_test

import (
	"bytes"
	"encoding/csv"
	"math"
	"strconv"
	"strings"
	"testing"

	"tourney/dataset/ingest"
)

// made returns the rows of a made-up table, without the header.
func made(t *testing.T, o ingest.SynthOptions) [][]string {
	t.Helper()
	var buf bytes.Buffer
	if err := ingest.Synth(&buf, o); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&buf).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// y is what the weights and effects say, to the rounding of four decimals a
// column, and the classes are.
func TestSynthTruth(t *testing.T) {
	for _, kind := range []ingest.SynthKind{ingest.SynthRegression, ingest.SynthClassification, ingest.SynthClicks} {
		o := ingest.SynthOptions{Kind: kind, Rows: 3000, Numbers: 8, Categories: 3, Levels: 50, Seed: 5}
		levels := make([]map[string]int, 3)
		for i := range levels {
			levels[i] = map[string]int{}
			for k := range 50 {
				levels[i][o.Level(i, k)] = k
			}
			if len(levels[i]) != 50 {
				t.Fatalf("two levels of column %d are written alike", i)
			}
		}
		bias, positive := o.Bias(), 0
		for _, row := range made(t, o) {
			score := 0.0
			for i, text := range row[1:9] {
				x, err := strconv.ParseFloat(text, 64)
				if err != nil {
					t.Fatal(err)
				}
				score += x * o.Weight(i)
			}
			for i, text := range row[9:] {
				k, ok := levels[i][text]
				if !ok {
					t.Fatalf("%s is no level", text)
				}
				score += o.Effect(i, k)
			}
			y, err := strconv.ParseFloat(row[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			const rounding = 12 * 1e-4
			switch above := score - bias; {
			case kind == ingest.SynthRegression && math.Abs(y-score) > rounding:
				t.Fatalf("y is %v, the score %v", y, score)
			case kind != ingest.SynthRegression && math.Abs(above) > rounding && (y == 1) != (above > 0):
				t.Fatalf("y is %v, the score %v above the bias", y, above)
			}
			positive += int(y)
		}
		if kind == ingest.SynthClicks && (positive < 150 || positive > 900) {
			t.Errorf("%d clicks in 3000", positive)
		}
	}
}

// The x have mean 0 and standard deviation 1, the levels a power law, and as
// many values are missing as was asked for: within five standard deviations.
func TestSynthLaws(t *testing.T) {
	const rows, levels = 20_000, 20
	o := ingest.SynthOptions{Kind: ingest.SynthClicks, Rows: rows, Numbers: 1, Categories: 1, Levels: levels, Missing: 0.1, Seed: 1}
	counts := map[string]int{}
	n, sum, squares, missing := 0.0, 0.0, 0.0, 0
	for _, row := range made(t, o) {
		if row[1] == "" {
			missing++
		} else if x, err := strconv.ParseFloat(row[1], 64); err != nil {
			t.Fatal(err)
		} else {
			n, sum, squares = n+1, sum+x, squares+x*x
		}
		counts[row[2]]++
	}
	if math.Abs(sum/n) > 5/math.Sqrt(n) || math.Abs(squares/n-1) > 5*math.Sqrt(2/n) {
		t.Errorf("mean %v, variance %v", sum/n, squares/n)
	}
	if math.Abs(float64(missing)-rows*0.1) > 5*math.Sqrt(rows*0.09) {
		t.Errorf("%d of %d are missing", missing, rows)
	}
	present := float64(rows - counts[""])
	for k := range levels {
		p := math.Log(float64(k+2)/float64(k+1)) / math.Log(levels+1)
		if got := float64(counts[o.Level(0, k)]); math.Abs(got-present*p) > 5*math.Sqrt(present*p*(1-p)) {
			t.Errorf("level %d is there %v times, want about %.0f", k, got, present*p)
		}
	}
}

func TestSynthIsAFunctionOfItsSeed(t *testing.T) {
	write := func(rows int64, seed uint64) string {
		var buf bytes.Buffer
		if err := ingest.Synth(&buf, ingest.SynthOptions{Kind: ingest.SynthClicks, Rows: rows, Missing: 0.1, Noise: 1, Seed: seed}); err != nil {
			t.Fatal(err)
		}
		return buf.String()
	}
	first := write(50, 1)
	if write(50, 1) != first || write(50, 2) == first || !strings.HasPrefix(write(60, 1), first) {
		t.Error("the table is not a function of its seed, row by row")
	}
}

func TestSynthOptions(t *testing.T) {
	for want, o := range map[string]ingest.SynthOptions{
		`kind: "clickz" must be classification, regression, clicks; did you mean "clicks"?`: {Kind: "clickz", Rows: 1},
		"rows: must be at least 1":   {Kind: ingest.SynthClicks},
		"noise: must be between":     {Kind: ingest.SynthClicks, Rows: 1, Noise: -1},
		"missing: must be at least":  {Kind: ingest.SynthClicks, Rows: 1, Missing: 1},
		"levels: must be between 2":  {Kind: ingest.SynthClicks, Rows: 1, Levels: 1},
		"columns: must be between 1": {Kind: ingest.SynthClicks, Rows: 1, Numbers: 30_000},
	} {
		if err := ingest.Synth(&bytes.Buffer{}, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
	if err := ingest.Synth(bad2{}, ingest.SynthOptions{Kind: ingest.SynthClicks, Rows: 10}); err == nil {
		t.Error("a writer that fails is not noticed")
	}
}

type bad2 struct{}

func (bad2) Write([]byte) (int, error) { return 0, errDisk }
