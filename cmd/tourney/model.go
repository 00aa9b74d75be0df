package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/api/client"
	"tourney/dataset/ingest"
	"tourney/dataset/read"
	"tourney/model"
	"tourney/trainers"
)

func newModel() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "List and export the models that sweeps leave, and predict with them",
		Long: `The finalist of a sweep that is completed leaves a model, which is named by the
sweep and the trial, as in s7fj2/14. The commands read it from a server, or with
--data-dir from a directory that no server runs on.`,
	}
	serverFlag(cmd)
	f := cmd.PersistentFlags()
	f.String("data-dir", "", "read models from this directory instead of a server")
	f.String("blobs", "", "where the server keeps blobs, if not in --data-dir")
	cmd.AddCommand(newModelList(), newModelExport(), newModelPredict())
	return cmd
}

// models is where the models of sweeps are.
type models interface {
	Models(ctx context.Context, sweep string) ([]client.ModelInfo, error)
	Model(ctx context.Context, sweep string, number int) (json.RawMessage, error)
}

// withModels has f read models from where the flags say.
func withModels(cmd *cobra.Command, f func(models) error) error {
	dir, _ := cmd.Flags().GetString("data-dir")
	if dir == "" {
		return f(newClient(cmd))
	}
	db, err := openArchive(cmd.Context(), dir)
	if err != nil {
		return err
	}
	defer db.Close()
	where, _ := cmd.Flags().GetString("blobs")
	blobs, err := openBlobs(cmd.Context(), where, dir)
	if err != nil {
		return err
	}
	defer blobs.Close()
	return f(&archivedModels{db, storeFetcher{blobs}})
}

// archivedModels reads models from a data directory.
type archivedModels struct {
	db interface {
		FinalJobs(ctx context.Context, sweep string) ([]tourney.JobRow, error)
	}
	blobs storeFetcher
}

// Models implements models.
func (a *archivedModels) Models(ctx context.Context, sweep string) ([]client.ModelInfo, error) {
	jobs, err := a.db.FinalJobs(ctx, sweep)
	if err != nil {
		return nil, err
	}
	var out []client.ModelInfo
	for _, j := range jobs {
		if c := j.Checkpoint; c != nil {
			text, err := a.read(ctx, c)
			if err != nil && !errors.Is(err, tourney.ErrNotFound) {
				return nil, err
			}
			if trainers.IsDocument(text) {
				out = append(out, client.ModelInfo{Trial: j.Trial, Step: c.Step, Bytes: c.Size})
			}
		}
	}
	return out, nil
}

// Model implements models.
func (a *archivedModels) Model(ctx context.Context, sweep string, number int) (json.RawMessage, error) {
	jobs, err := a.db.FinalJobs(ctx, sweep)
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		if j.Trial != number || j.Checkpoint == nil {
			continue
		}
		if text, err := a.read(ctx, j.Checkpoint); err != nil || trainers.IsDocument(text) {
			return text, err
		}
	}
	return nil, fmt.Errorf("model %s/%d: %w; see tourney model list %s", sweep, number, tourney.ErrNotFound, sweep)
}

func (a *archivedModels) read(ctx context.Context, c *tourney.Checkpoint) ([]byte, error) {
	body, err := a.blobs.Open(ctx, c.Blob, c.Offset, c.Size, nil)
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	return text, nil
}

// splitModelName splits SWEEP/TRIAL.
func splitModelName(name string) (sweep string, number int, err error) {
	sweep, trial, ok := strings.Cut(name, "/")
	number, err = strconv.Atoi(trial)
	if !ok || sweep == "" || err != nil || number < 0 {
		return "", 0, usageError{fmt.Errorf("%q is neither a file nor the name of a model; write SWEEP/TRIAL, as in s7fj2/14", name)}
	}
	return sweep, number, nil
}

// readModel reads the model of a file, or of a name. The file goes first.
func readModel(cmd *cobra.Command, name string) (m *model.Model, err error) {
	file, err := os.Open(name)
	if err == nil {
		defer file.Close()
		m, err := model.Read(file)
		return m, withSource(err, name)
	}
	sweep, number, bad := splitModelName(name)
	if bad != nil {
		if !errors.Is(err, os.ErrNotExist) || strings.HasSuffix(name, ".json") {
			bad = usageError{fmt.Errorf("read model: %w", err)}
		}
		return nil, bad
	}
	err = withModels(cmd, func(from models) error {
		text, err := from.Model(cmd.Context(), sweep, number)
		if err != nil {
			return err
		}
		m, err = model.Read(bytes.NewReader(text))
		return withSource(err, name)
	})
	return m, err
}

// withSource names the file that an input came from.
func withSource(err error, name string) error {
	if bad := tourney.AsInvalid(err); bad != nil && bad.Source == "" {
		named := *bad
		named.Source = name
		return &named
	}
	return err
}

func newModelList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list SWEEP",
		Short: "List the models that a sweep leaves",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withModels(cmd, func(from models) error {
				list, err := from.Models(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), append([]client.ModelInfo{}, list...))
				}
				for _, m := range list {
					fmt.Fprintf(cmd.OutOrStdout(), "%s/%-6d  %6d steps  %8s\n", args[0], m.Trial, m.Step, showBytes(m.Bytes))
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newModelExport() *cobra.Command {
	var format, out, other string
	cmd := &cobra.Command{
		Use:   "export SWEEP/TRIAL",
		Short: "Write a model to a file",
		Long: `Export writes a model as one JSON document, which docs/models.md describes and which
tourney model predict takes. A model of trees is also written as LightGBM's text
form, which its Python package loads, or as text for people.

A column of more than 254 levels keeps its most frequent ones; the others share a
bin. LightGBM's form has no such bin: with --other NAME it is one more level, which
the data given to LightGBM have in place of all rare ones.`,
		Example: `  tourney model export s7fj2/14 -o model.json
  tourney model export s7fj2/14 --format lightgbm -o model.txt`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := readModel(cmd, args[0])
			if err != nil {
				return err
			}
			text, err := m.Export(format, other)
			if err != nil {
				return err
			}
			return writeTo(cmd.Context(), cmp.Or(out, "-"), cmd.OutOrStdout(), func(w io.Writer) error {
				_, err := w.Write(text)
				return err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", model.Tourney, "tourney, or of trees lightgbm or text")
	f.StringVarP(&out, "out", "o", "", "file to write; stdout if not given")
	f.StringVar(&other, "other", "", "of lightgbm: the name of a level that stands for all rare ones")
	return cmd
}

func newModelPredict() *cobra.Command {
	var out, format string
	cmd := &cobra.Command{
		Use:   "predict MODEL.json|SWEEP/TRIAL TABLE",
		Short: "Predict the rows of a table, as CSV",
		Long: `Predict writes a row for each row of a table, in order: the prediction, and for
classes the probability of each. The table is a file of any format that a dataset
is made of, or - for stdin. Its columns are found by name; the target may be
missing, and columns that the model does not know are left alone.`,
		Example: "  tourney model predict model.json new_customers.csv -o predictions.csv",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := readModel(cmd, args[0])
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			files, remove, err := tableFiles(cmd.InOrStdin(), args[1])
			if err != nil {
				return err
			}
			defer remove()
			src, err := ingest.OpenTable(ctx, files, format, os.TempDir())
			if err != nil {
				return interrupted(ctx, err)
			}
			defer src.Close()
			return writeTo(ctx, cmp.Or(out, "-"), cmd.OutOrStdout(), func(w io.Writer) error {
				return m.Predict(ctx, src, files[0].Name, w)
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "file to write; stdout if not given")
	f.StringVar(&format, "format", "", "of the table: csv, tsv, json, arrow, libsvm, idx or parquet; told from the file if not given")
	return cmd
}

// tableFiles finds the files of a table. Stdin is written to a file, since a
// table may have to be read twice.
func tableFiles(stdin io.Reader, name string) (files []ingest.File, remove func(), err error) {
	remove = func() {}
	if name == "-" {
		file, err := os.CreateTemp("", "tourney-table-*")
		if err != nil {
			return nil, remove, err
		}
		remove = func() { os.Remove(file.Name()) } //nolint:errcheck // a temporary file
		_, err = io.Copy(file, stdin)
		if err = errors.Join(err, file.Close()); err != nil {
			remove()
			return nil, func() {}, fmt.Errorf("read stdin: %w", err)
		}
		return []ingest.File{{Name: "stdin", Path: file.Name()}}, remove, nil
	}
	found, err := read.Find(name)
	if err != nil {
		return nil, remove, usageError{fmt.Errorf("read table: %w", err)}
	}
	for _, f := range found {
		files = append(files, ingest.File{Name: filepath.Base(f.Path), Path: f.Path})
	}
	return files, remove, nil
}
