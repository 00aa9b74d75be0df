package suite

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"tourney/search/axis"
)

// column is one digit of the key of a table: how many values it has, and
// whether they have an order.
type column struct {
	cells   int64
	ordered bool
}

// table says how the configurations of a file are written.
type table struct {
	name    string
	columns []column
	sign    float64 // -1 where the file has accuracies
}

// tables are the FCNet (Klein & Hutter 2019), HPOBench (Eggensperger et al.
// 2021) and NAS-Bench-201 (Dong & Yang 2020) files.
func tables() []table {
	choice, ordered := func(n int64) column { return column{n, false} }, func(n int64) column { return column{n, true} }
	// activations, batch, dropouts, learning rate, its schedule, units
	network := []column{choice(2), choice(2), ordered(4), ordered(3), ordered(3), ordered(6), choice(2), ordered(6), ordered(6)}
	// alpha, batch, depth, learning rate, width
	small := []column{ordered(10), ordered(10), ordered(3), ordered(10), ordered(10)}
	ops := []column{choice(5), choice(5), choice(5), choice(5), choice(5), choice(5)}
	return []table{
		{"hpolib_naval_propulsion", network, 1},
		{"hpolib_parkinsons_telemonitoring", network, 1},
		{"hpolib_protein_structure", network, 1},
		{"hpolib_slice_localization", network, 1},
		{"hpobench_car", small, -1},
		{"hpobench_segment", small, -1},
		{"hpobench_vehicle", small, -1},
		{"hpobench_credit_g", small, -1},
		{"nasbench201_cifar100", ops, -1},
	}
}

// Tables reads the nine tables of real trainings from the folder that holds
// them. Their scale is that of the functions: the median of the table, less its
// best. They are not part of the repository: see shared/hpo beside it.
func Tables(folder fs.FS) ([]Problem, error) {
	var out []Problem
	for _, t := range tables() {
		p, err := t.read(folder)
		if err != nil {
			return nil, fmt.Errorf("read table %s: %w", t.name, err)
		}
		out = append(out, p)
	}
	return out, nil
}

func (t table) read(folder fs.FS) (Problem, error) {
	p := Problem{Name: t.name}
	size := int64(1)
	for _, c := range t.columns {
		a := axis.Axis{Kind: axis.Choice, Cells: c.cells}
		if c.ordered {
			a.Kind = axis.Ordered
		}
		p.Axes = append(p.Axes, a)
		size *= c.cells
	}
	values, err := t.values(folder, size)
	if err != nil {
		return p, err
	}
	p.Optimum = math.Inf(1)
	for i, v := range values {
		if math.IsNaN(v) {
			return p, fmt.Errorf("configuration %d is missing", i)
		}
		p.Optimum = min(p.Optimum, v)
	}
	p.Scale = Median(values) - p.Optimum
	p.Truth = func(u []float64) float64 {
		n := int64(0)
		for i := range p.Axes {
			n = n*p.Axes[i].Cells + p.Axes[i].Cell(u[i])
		}
		return values[n]
	}
	return p, nil
}

// values reads the mean of each configuration, by its number in mixed radix.
func (t table) values(folder fs.FS, size int64) ([]float64, error) {
	f, err := folder.Open(t.name + ".csv.gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	out := make([]float64, size)
	for i := range out {
		out[i] = math.NaN()
	}
	lines := bufio.NewScanner(z)
	lines.Scan() // the header
	for lines.Scan() {
		key, rest, _ := strings.Cut(lines.Text(), ",")
		mean, _, _ := strings.Cut(rest, ",")
		v, err := strconv.ParseFloat(mean, 64)
		if err != nil {
			return nil, err
		}
		n, err := t.number(key)
		if err != nil {
			return nil, err
		}
		out[n] = t.sign * v
	}
	return out, errors.Join(lines.Err(), z.Close())
}

func (t table) number(key string) (int64, error) {
	if len(key) != len(t.columns) {
		return 0, fmt.Errorf("key %q has %d digits, not %d", key, len(key), len(t.columns))
	}
	n := int64(0)
	for i, c := range t.columns {
		digit := int64(key[i]) - '0'
		if digit < 0 || digit >= c.cells {
			return 0, fmt.Errorf("key %q: digit %d is not one of %d", key, i, c.cells)
		}
		n = n*c.cells + digit
	}
	return n, nil
}
