package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tourney/api/client"
)

// halves writes the digits with a column that tells every fifth row a test row,
// and the test rows as a table of their own, without their target.
func halves(t *testing.T, dir string) (whole, rest string, digits []string) {
	t.Helper()
	data, err := os.ReadFile("../../examples/digits.csv")
	if err != nil {
		t.Fatal(err)
	}
	var all, some strings.Builder
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		at := strings.LastIndexByte(line, ',')
		switch {
		case i == 0:
			all.WriteString(line + ",sealed\n")
			some.WriteString("id," + line[:at] + "\n")
		case i%5 == 0:
			all.WriteString(line + ",yes\n")
			fmt.Fprintf(&some, "%d,%s\n", i, line[:at])
			digits = append(digits, line[at+1:])
		default:
			all.WriteString(line + ",no\n")
		}
	}
	whole, rest = filepath.Join(dir, "digits.csv"), filepath.Join(dir, "rest.csv")
	write(t, whole, all.String())
	write(t, rest, some.String())
	return whole, rest, digits
}

// predictions reads what tourney model predict wrote, the header first.
func predictions(t *testing.T, text string) [][]string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// A model that was trained here and asked about the test rows is as good as
// the board says.
func TestModelOfClasses(t *testing.T) {
	in, data := t.TempDir(), dir(t)
	_, rest, digits := halves(t, in)
	file := filepath.Join(in, "digits.yaml")
	write(t, file, `dataset: digits.csv
target: digit
split: column:sealed
trainer: linear
method: random
run_cap: 4
parameters:
  learning_rate: {distribution: log_uniform_values, min: 0.001, max: 0.1}
  epochs: {value: 5}
`)
	o := result(t, must(t, "run", file, "--json", "--data-dir", data, "--workers", "1"))
	id, best := o.Sweep.ID, o.Best
	name := fmt.Sprintf("%s/%d", id, best.Number)

	var list []client.ModelInfo
	if err := json.Unmarshal([]byte(must(t, "model", "list", id, "--data-dir", data, "--json")), &list); err != nil || len(list) != 1 || list[0].Trial != best.Number || list[0].Bytes < 1000 {
		t.Fatalf("models %+v, %v; want one of trial %d", list, err, best.Number)
	}
	exported := filepath.Join(in, "model.json")
	must(t, "model", "export", name, "--data-dir", data, "-o", exported)
	if info, err := os.Stat(exported); err != nil || info.Size() != list[0].Bytes {
		t.Fatalf("exported %v, %v; want %d bytes", info, err, list[0].Bytes)
	}

	rows := predictions(t, must(t, "model", "predict", exported, rest))
	if len(rows) != len(digits)+1 || len(rows[0]) != 11 || rows[0][0] != "prediction" || rows[0][4] != "probability_3" {
		t.Fatalf("%d rows of %q, want %d", len(rows)-1, rows[0], len(digits))
	}
	hits, loss := 0, 0.0
	for i, want := range digits {
		if rows[i+1][0] == want {
			hits++
		}
		k, _ := strconv.Atoi(want)
		p, err := strconv.ParseFloat(rows[i+1][1+k], 64)
		if err != nil {
			t.Fatal(err)
		}
		loss -= math.Log(max(p, 0x1p-23)) / float64(len(digits))
	}
	if got, want := float64(hits)/float64(len(digits)), best.Metrics["test_accuracy"]; got != want || want < 0.8 {
		t.Errorf("accuracy %v, the board says %v", got, want)
	}
	if want := best.Metrics["test_logloss"]; math.Abs(loss-want) > 1e-6 {
		t.Errorf("log loss %v, the board says %v", loss, want)
	}

	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", data)
	t.Setenv("TOURNEY_SERVER", up.url())
	text, err := os.ReadFile(exported)
	if err != nil {
		t.Fatal(err)
	}
	if got := must(t, "model", "export", name); got != string(text) {
		t.Error("the server serves another model than the directory has")
	}
	if got := must(t, "model", "list", id); !strings.HasPrefix(got, name+" ") {
		t.Errorf("model list:\n%s", got)
	}
	csv := filepath.Join(in, "out.csv")
	must(t, "model", "predict", name, rest, "--out", csv)
	if got, err := os.ReadFile(csv); err != nil || len(predictions(t, string(got))) != len(rows) {
		t.Errorf("%v: %d bytes of predictions", err, len(got))
	}
	other := (best.Number + 1) % 4
	for _, tt := range []struct {
		code int
		want string
		args []string
	}{
		{1, fmt.Sprintf("trial %d of sweep %s has no model; of its trials %d has", other, id, best.Number), []string{"model", "export", fmt.Sprintf("%s/%d", id, other)}},
		{2, "format: lightgbm is for models of trees", []string{"model", "export", name, "--format", "lightgbm"}},
		{2, "other: is of the format lightgbm, not of tourney", []string{"model", "export", name, "--other", "rare"}},
		{2, `format: "onnx" is not known; want one of tourney, lightgbm, text`, []string{"model", "export", name, "--format", "onnx"}},
		{2, `"nowhere" is neither a file nor the name of a model; write SWEEP/TRIAL`, []string{"model", "predict", "nowhere", rest}},
		{2, "nowhere.json: no such file", []string{"model", "predict", "nowhere.json", rest}},
		{2, "nowhere.csv: no such file", []string{"model", "predict", exported, "nowhere.csv"}},
		{2, "digits.yaml: no model document", []string{"model", "predict", file, rest}},
		{2, "column r0c0: is missing from the table", []string{"model", "predict", exported, refusedTable(t)}},
	} {
		if _, stderr, code := play(t, tt.args...); code != tt.code || !strings.Contains(stderr, tt.want) {
			t.Errorf("tourney %s: exit %d, want %d and %q:\n%s", strings.Join(tt.args, " "), code, tt.code, tt.want, stderr)
		}
	}
}

// refusedTable is a table without the columns that are needed.
func refusedTable(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "other.csv")
	write(t, file, "a,b\n1,2\n3,4\n")
	return file
}

// The same for values, with categories and missing values among the columns,
// and a table from stdin; by a linear model and by trees.
func TestModelOfValues(t *testing.T) {
	in := t.TempDir()
	var all, rest strings.Builder
	all.WriteString("size,kind,price,sealed\n")
	rest.WriteString("kind,size\n")
	var prices []float64
	for i := range 400 {
		size, kind := strconv.Itoa(i*37%100), []string{"flat", "house", ""}[i%3]
		if i%11 == 0 {
			size = "NA"
		}
		price := 10*float64(i*37%100) + 300*float64(i%3) + float64(i%7)
		fmt.Fprintf(&all, "%s,%s,%v,%v\n", size, kind, price, i%4 == 0)
		if i%4 == 0 {
			fmt.Fprintf(&rest, "%s,%s\n", kind, size)
			prices = append(prices, price)
		}
	}
	write(t, filepath.Join(in, "prices.csv"), all.String())
	for _, trainer := range []string{"linear", "tree"} {
		t.Run(trainer, func(t *testing.T) {
			data, file := dir(t), filepath.Join(in, trainer+".yaml")
			parameter := map[string]string{"linear": "learning_rate: {min: 0.01, max: 0.1}", "tree": "max_depth: {min: 2, max: 6}"}[trainer]
			write(t, file, "dataset: prices.csv\ntarget: price\nsplit: column:sealed\ntrainer: "+trainer+"\nmethod: random\nrun_cap: 2\nparameters:\n  "+parameter+"\n")
			o := result(t, must(t, "run", file, "--json", "--data-dir", data, "--workers", "1"))
			name := fmt.Sprintf("%s/%d", o.Sweep.ID, o.Best.Number)

			cmd := command(t, "model", "predict", name, "-", "--data-dir", data)
			cmd.Stdin, cmd.Stderr = strings.NewReader(rest.String()), os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			rows := predictions(t, string(out))
			if len(rows) != len(prices)+1 || len(rows[0]) != 1 || rows[0][0] != "prediction" {
				t.Fatalf("%d rows of %q, want %d", len(rows)-1, rows[0], len(prices))
			}
			square := 0.0
			for i, want := range prices {
				v, err := strconv.ParseFloat(rows[i+1][0], 64)
				if err != nil {
					t.Fatal(err)
				}
				square += (v - want) * (v - want) / float64(len(prices))
			}
			if got, want := math.Sqrt(square), o.Best.Metrics["test_rmse"]; math.Abs(got-want) > 1e-4*want {
				t.Errorf("rmse %v, the board says %v", got, want)
			}
			if trainer != "tree" {
				return
			}
			if text := must(t, "model", "export", name, "--data-dir", data, "--format", "lightgbm"); !strings.HasPrefix(text, "tree\nversion=v4\n") || !strings.Contains(text, "feature_names=size kind\n") {
				t.Errorf("no model file of LightGBM:\n%.200s", text)
			}
			if text := must(t, "model", "export", name, "--data-dir", data, "--format", "text"); !strings.Contains(text, "tree 0:\n  if size <= ") && !strings.Contains(text, "tree 0:\n  if kind is") {
				t.Errorf("no trees for people:\n%.200s", text)
			}
		})
	}
}
