// Package curves is the errand of a test binary: to replay recorded learning
// curves through the coordinator, its store and its leases, in virtual time. It
// takes a test for that because virtual time does (testing/synctest).
//
// The binary is this package's own, built by `go test -c`. With the name of a
// file in the environment variable [Variable] it reads a [Request] there, and
// writes the [Answer] to that name with ".out" after it.
package curves

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"strconv"

	"tourney/search/searchtest"
)

// Variable names the file of a request.
const Variable = "TOURNEY_BENCH_CURVES"

// Request asks for replays of one table.
type Request struct {
	Path    string   `json:"path"` // of the table, CSV, compressed by gzip
	Orders  [][]int  `json:"orders"`
	Replays []Replay `json:"replays"`
}

// Replay is a sweep to be carried by so many workers, once for each order of the
// configurations.
type Replay struct {
	Scheduler string `json:"scheduler"` // as in a sweep file; empty: none
	Workers   int    `json:"workers"`
	Pick      bool   `json:"pick"` // the default sampler picks by parameters, instead of the order
}

// Answer has the times until some trial showed the target, for each replay and
// order, in full trainings; null if none did.
type Answer struct {
	Times [][]*float64 `json:"times"`
}

// Table is recorded curves with the parameters that they were trained with.
type Table struct {
	*searchtest.Table
	Names  []string    // of the parameters that are numbers
	Params [][]float64 // [configurations × names]
}

// Read reads a table.
func Read(path string) (*Table, error) {
	rows, err := records(path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read curves: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	table, err := searchtest.ReadTable(z)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	t := &Table{Table: table, Params: make([][]float64, len(rows)-1)}
	for column, name := range rows[0] {
		if name == "v0" || name == "sec_per_epoch" {
			break
		}
		values := make([]float64, len(rows)-1)
		numeric := name != "id"
		for i, row := range rows[1:] {
			if values[i], err = strconv.ParseFloat(row[column], 64); err != nil {
				numeric = false
			}
		}
		if !numeric {
			continue
		}
		t.Names = append(t.Names, name)
		for i, v := range values {
			t.Params[i] = append(t.Params[i], v)
		}
	}
	return t, nil
}

func records(path string) ([][]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read curves: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return rows, nil
}

// Axis is how a parameter of a table is searched.
type Axis struct {
	Name     string
	Min, Max float64 // of At's values
	Log      bool
	Flip     bool // 1-x is searched: x is close to 1 and its distance matters
}

// Axes returns how the parameters are searched: those that span more than a
// thousandfold by their logarithm; those that begin above 0 and end below, but
// close to, 1 by that of 1-x. Their ranges are those of the table.
func (t *Table) Axes() []Axis {
	axes := make([]Axis, len(t.Names))
	for k, name := range t.Names {
		lo, hi, nearest := math.Inf(1), math.Inf(-1), math.Inf(1)
		for _, row := range t.Params {
			lo, hi, nearest = min(lo, row[k]), max(hi, row[k]), min(nearest, 1-row[k])
		}
		a := Axis{Name: name, Min: lo, Max: hi, Log: lo > 0 && hi > 1000*lo}
		if !a.Log && lo >= 0 && nearest > 0 && nearest < 0.001 {
			a = Axis{Name: name + "_below_1", Min: 1 - hi, Max: 1 - lo, Log: true, Flip: true}
		}
		axes[k] = a
	}
	return axes
}

// Unit returns where a value of the search lies between the ends, from 0 to 1.
func (a *Axis) Unit(x float64) float64 {
	if a.Log {
		return math.Log(x/a.Min) / math.Log(a.Max/a.Min)
	}
	return (x - a.Min) / (a.Max - a.Min)
}

// At returns what the search calls a value of the table.
func (a *Axis) At(v float64) float64 {
	if a.Flip {
		return 1 - v
	}
	return v
}
