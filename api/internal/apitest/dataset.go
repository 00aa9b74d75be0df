package apitest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"tourney"
	"tourney/api"
)

// Datasets implements api.Reader.
func (w *World) Datasets(_ context.Context, page tourney.Page) ([]tourney.Dataset, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	newest := map[string]tourney.Dataset{}
	for _, ds := range w.datasets {
		newest[ds.Name] = ds
	}
	var out []tourney.Dataset
	for _, ds := range newest {
		out = append(out, ds)
	}
	slices.SortFunc(out, func(a, b tourney.Dataset) int { return strings.Compare(a.Name, b.Name) })
	return cut(out, page)
}

// Dataset implements api.Reader.
func (w *World) Dataset(_ context.Context, ref string) (tourney.Dataset, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dataset(ref)
}

func (w *World) dataset(ref string) (tourney.Dataset, error) {
	name, version, _ := strings.Cut(ref, "@")
	for _, ds := range slices.Backward(w.datasets) {
		if ds.Name == name && strings.HasPrefix(ds.Version, version) || ds.Version == ref {
			return ds, nil
		}
	}
	return tourney.Dataset{}, fmt.Errorf("dataset %s: %w", ref, tourney.ErrNotFound)
}

// DatasetBySource implements api.Reader.
func (w *World) DatasetBySource(_ context.Context, source string) (tourney.Dataset, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ds := range w.datasets {
		if ds.Source == source {
			return ds, nil
		}
	}
	return tourney.Dataset{}, fmt.Errorf("dataset made of %s: %w", source, tourney.ErrNotFound)
}

// Spool implements api.Datasets.
func (w *World) Spool(_ context.Context, name string, r io.Reader, tell func(api.Progress)) (api.File, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return api.File{}, fmt.Errorf("read upload of %s: %w", name, err)
	}
	tell(api.Progress{Phase: "hash", Bytes: int64(len(data))})
	w.mu.Lock()
	defer w.mu.Unlock()
	path := fmt.Sprintf("spool/%d", len(w.spooled))
	w.spooled[path] = data
	sum := sha256.Sum256(data)
	return api.File{Name: name, Path: path, Hash: hex.EncodeToString(sum[:]), Remove: func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.removed++
		return nil
	}}, nil
}

// Left returns how many spooled files were not removed.
func (w *World) Left() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.spooled) - w.removed
}

// Place puts a file where Fetch finds it, at a path or a URL.
func (w *World) Place(at, content string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places[at] = content
}

// Fetch implements api.Datasets.
func (w *World) Fetch(ctx context.Context, place api.Place, tell func(api.Progress)) ([]api.File, error) {
	at := cmp.Or(place.Path, place.URL)
	w.mu.Lock()
	content, ok := w.places[at]
	w.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("%w: the configuration does not allow that place", tourney.ErrRefused)
	}
	f, err := w.Spool(ctx, path.Base(at), strings.NewReader(content), tell)
	return []api.File{f}, err
}

// During has Add call f when it begins, with its context.
func (w *World) During(f func(context.Context)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.during = f
}

// Add implements api.Datasets for tables of CSV. The source is the hash of the
// bytes alone.
func (w *World) Add(ctx context.Context, req tourney.DatasetRequest, files []api.File, tell func(api.Progress)) (tourney.Dataset, bool, error) {
	w.mu.Lock()
	during := w.during
	w.mu.Unlock()
	tell(api.Progress{Phase: "scan", Rows: 1, TotalRows: 2, Bytes: 3, TotalBytes: 4})
	if during != nil {
		during(ctx)
	}
	if err := ctx.Err(); err != nil {
		return tourney.Dataset{}, false, err
	}
	ds := tourney.Dataset{
		Name: req.Name, Task: cmp.Or(req.Task, tourney.Classification), Target: req.Target, Split: req.Split, Seed: req.Seed,
		Group: req.Group, Time: req.Time, Weight: req.Weight,
	}
	all := sha256.New()
	for i, f := range files {
		w.mu.Lock()
		data := w.spooled[f.Path]
		w.mu.Unlock()
		all.Write(data)
		header, rows, err := readCSV(data, f.Name)
		if err != nil {
			return tourney.Dataset{}, false, err
		}
		if !slices.Contains(header, req.Target) {
			return tourney.Dataset{}, false, tourney.Invalid("target", "there is no column %q%s", req.Target, tourney.DidYouMean(req.Target, header))
		}
		ds.Rows += rows
		if f.Test {
			ds.TestRows += rows
		}
		for _, name := range header {
			if i == 0 && !slices.Contains(req.Drop, name) {
				kind := cmp.Or(req.Types[name].Kind, tourney.Number)
				ds.Columns = append(ds.Columns, tourney.Column{Name: name, Kind: kind})
			}
		}
	}
	ds.TestRows += int(req.Split.Test * float64(ds.Rows))
	ds.Source = hex.EncodeToString(all.Sum(nil))
	return w.register(ds)
}

// register adds a dataset, or finds that it is there.
func (w *World) register(ds tourney.Dataset) (tourney.Dataset, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	version := sha256.Sum256([]byte(ds.Source))
	ds.Version, ds.CreatedAt = hex.EncodeToString(version[:]), w.now
	for _, old := range w.datasets {
		if old.Name == ds.Name && old.Version == ds.Version {
			return old, false, nil
		}
	}
	w.datasets = append(w.datasets, ds)
	return ds, true, nil
}

func readCSV(data []byte, name string) (header []string, rows int, err error) {
	r := csv.NewReader(bytes.NewReader(data))
	if header, err = r.Read(); err != nil {
		return nil, 0, fmt.Errorf("read the header: %w", err)
	}
	for ; ; rows++ {
		_, err := r.Read()
		if errors.Is(err, io.EOF) {
			return header, rows, nil
		}
		if pe := new(csv.ParseError); errors.As(err, &pe) {
			return nil, 0, &tourney.InvalidError{Source: name, Fields: []tourney.FieldError{{Message: pe.Err.Error(), Line: pe.Line}}}
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read a row: %w", err)
		}
	}
}

// Table registers a table of CSV.
func (w *World) Table(ctx context.Context, req tourney.DatasetRequest, content string) (tourney.Dataset, error) {
	tell := func(api.Progress) {}
	f, err := w.Spool(ctx, req.File, strings.NewReader(content), tell)
	if err != nil {
		return tourney.Dataset{}, err
	}
	ds, _, err := w.Add(ctx, req, []api.File{f}, tell)
	return ds, errors.Join(err, f.Remove())
}

// AddKnown implements api.Datasets.
func (w *World) AddKnown(ctx context.Context, req tourney.DatasetRequest, hash string) (tourney.Dataset, bool, error) {
	ds, err := w.DatasetBySource(ctx, hash)
	if err != nil {
		return tourney.Dataset{}, false, err
	}
	ds.Name = req.Name
	return w.register(ds)
}

// Delete implements api.Datasets.
func (w *World) Delete(_ context.Context, ref string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	ds, err := w.dataset(ref)
	if err != nil {
		return err
	}
	for _, s := range w.sweeps {
		if s.Plan.Dataset == ds.Version && !s.State.Terminal() {
			return fmt.Errorf("delete dataset %s: %w: sweep %s uses it", ref, tourney.ErrInUse, s.ID)
		}
	}
	w.datasets = slices.DeleteFunc(w.datasets, func(d tourney.Dataset) bool { return d.Name == ds.Name })
	return nil
}

// Sample implements api.Datasets: row i of column c is "c i".
func (w *World) Sample(_ context.Context, ds tourney.Dataset, n int) (columns []string, rows [][]string, err error) {
	for _, c := range ds.Columns {
		columns = append(columns, c.Name)
	}
	for i := range min(n, ds.Rows-ds.TestRows) {
		var row []string
		for _, c := range columns {
			row = append(row, fmt.Sprint(c, " ", i))
		}
		rows = append(rows, row)
	}
	return columns, rows, nil
}
