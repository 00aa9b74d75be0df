package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/api/client"
	"tourney/cmd/internal/fleet"
)

// runOptions are the flags of tourney run.
type runOptions struct {
	dataset  string
	workers  int
	seed     int64
	dataDir  string
	resume   string
	asJSON   bool
	access   access // server: of one that plays the sweep
	logLevel string
	commands fleet.Programs
}

func newRun() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Play one sweep to its end, with a live board",
		Long: `Run plays the sweep of a file to its end and prints the winner.

Without --server everything runs in this process: coordinator, database, message
bus, workers and dashboard, on a free port. With --server the sweep is played by
that server's workers, and this process only watches.

A path in the file's "dataset" is relative to the file. Interrupted (Ctrl-C), a
sweep is paused and can be gone on with: tourney run --resume ID`,
		Example: `  tourney run examples/digits.yaml
  tourney run churn.yaml --workers 8 --seed 7
  tourney run churn.yaml --server http://127.0.0.1:8080`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.logLevel, _ = cmd.Flags().GetString("log-level")
			file := ""
			if len(args) == 1 {
				file = args[0]
			}
			if (file == "") == (o.resume == "") {
				return usageError{errors.New("name a sweep file, or --resume ID; usage: tourney run FILE")}
			}
			if !cmd.Flags().Changed("seed") {
				o.seed = -1
			}
			return o.run(cmd.Context(), file, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.dataset, "dataset", "", "take this dataset, a name, path, pattern or URL, instead of the file's")
	f.IntVar(&o.workers, "workers", runtime.NumCPU(), "workers in this process, of one core each")
	f.Int64Var(&o.seed, "seed", 0, "take this seed instead of the file's")
	f.StringVar(&o.dataDir, "data-dir", "tourney-data", "directory of the database, datasets and models")
	o.commands.Flags(f)
	f.StringVar(&o.resume, "resume", "", "go on with the sweep of this id")
	f.BoolVar(&o.asJSON, "json", false, "print one JSON document on stdout, and nothing else there")
	f.StringVar(&o.access.server, "server", "", "URL of a server that plays the sweep")
	f.StringVar(&o.access.token, "token", "", "token that the server asks for; rather put it into TOURNEY_TOKEN")
	f.StringVar(&o.access.ca, "ca", "", "file with the certificate of the authority that signed the server's")
	return cmd
}

func (o *runOptions) run(ctx context.Context, file string, stdout, stderr io.Writer) error {
	var spec tourney.Spec
	if file != "" {
		var err error
		if spec, err = o.readSpec(file, stderr); err != nil {
			return err
		}
		if spec.External() {
			return usageError{errors.New("the trials of trainer external are trained by whoever asks for them: start a server with tourney up, then tourney sweep create FILE")}
		}
	}
	if o.access.server != "" {
		return o.play(ctx, o.access.client(), o.access.server, file, spec, stdout, stderr)
	}
	var hosts []string
	if file != "" { // before anything is created
		t, err := o.findDataset(file, spec)
		if err != nil {
			return err
		}
		if t != nil && t.url != "" { // whoever runs it has named it
			hosts = []string{hostOf(t.url)}
		}
	}
	if o.workers < 1 {
		return usageError{fmt.Errorf("--workers must be at least 1, not %d", o.workers)}
	}
	if err := o.allow(file, &spec, stderr); err != nil {
		return err
	}
	srv, err := startServer(ctx, serverOptions{
		commands: o.commands,
		addr:     "127.0.0.1:0", dataDir: o.dataDir, workers: o.workers, logLevel: o.logLevel, log: stderr, urlHosts: hosts,
	})
	if err != nil {
		return err
	}
	c := srv.access().client()
	err = o.pauseOthers(ctx, c, stderr)
	if err == nil {
		err = o.play(ctx, c, srv.url, file, spec, stdout, stderr)
	}
	if closeErr := srv.close(); err == nil {
		err = closeErr
	}
	return err
}

// allow lets the workers of this process run the program of the file, which
// whoever runs it has named, unless a file of its own says what may run.
func (o *runOptions) allow(file string, spec *tourney.Spec, stderr io.Writer) error {
	o.commands.Own = true
	if o.commands.File != "" || !spec.Runs() {
		return o.commands.Read()
	}
	if err := o.commands.AllowFile(file, spec); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%s runs a program; allowed for this run alone: %s\n", file, strings.Join(spec.Command.Fixed(tourney.Interpreters()[0]), " "))
	return nil
}

// readSpec reads the sweep file and lays the flags over it.
func (o *runOptions) readSpec(file string, stderr io.Writer) (tourney.Spec, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return tourney.Spec{}, usageError{fmt.Errorf("read sweep file: %w", err)}
	}
	spec, err := tourney.ParseSpec(data, file)
	if err != nil {
		return tourney.Spec{}, err
	}
	for _, key := range spec.Ignored {
		fmt.Fprintf(stderr, "%s: %s means nothing here and is ignored\n", file, key)
	}
	if o.seed >= 0 {
		spec.Seed = uint64(o.seed)
	}
	if o.dataset != "" {
		spec.Dataset = o.dataset
	}
	if spec.Name == "" {
		spec.Name = cleanName(file)
	}
	return spec, nil
}

// datasetPlace returns the path, pattern or URL that the spec's dataset means,
// or "" if it is the name of a registered one. A path in the file is relative
// to the file; one on the command line to the working directory.
func (o *runOptions) datasetPlace(file string, spec tourney.Spec) string {
	name := spec.Dataset
	if name == "" {
		return "" // of trials that are told of, or run
	}
	if isURL(name) {
		return name
	}
	if o.dataset == "" && !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(file), name)
	}
	if strings.ContainsAny(spec.Dataset, `/\*?[`) || slices.Contains(tableEndings, strings.ToLower(filepath.Ext(spec.Dataset))) {
		return name
	}
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		return name // a directory of that name is written with a slash
	}
	return ""
}

// findDataset finds the files of the dataset, if it is not a registered one.
func (o *runOptions) findDataset(file string, spec tourney.Spec) (*place, error) {
	where := o.datasetPlace(file, spec)
	if where == "" {
		return nil, nil
	}
	t, err := findTable([]string{where}, nil)
	if err != nil {
		return nil, &tourney.InvalidError{Source: file, Fields: []tourney.FieldError{{Path: "dataset", Message: "there is no file " + where}}}
	}
	return &t, nil
}

// play registers the dataset, creates the sweep or goes on with it, and watches
// it to its end.
func (o *runOptions) play(ctx context.Context, c *client.Client, url, file string, spec tourney.Spec, stdout, stderr io.Writer) error {
	var sweep tourney.Sweep
	var err error
	if file == "" {
		if sweep, err = c.Sweep(ctx, o.resume); err != nil {
			return err
		}
		if sweep.Spec.Runs() && o.access.server == "" && o.commands.Allow == nil {
			return usageError{fmt.Errorf("the trials of sweep %s run a program, %s, which has to be allowed: add --allow-commands FILE", o.resume, strings.Join(sweep.Spec.Command.Fixed(tourney.Interpreters()[0]), " "))}
		}
		if sweep.State == tourney.SweepPaused {
			if sweep, err = c.Act(ctx, o.resume, tourney.ActionResume); err != nil {
				return err
			}
		}
	} else {
		if sweep, err = o.submit(ctx, c, spec, file, stderr); err != nil {
			return interrupted(ctx, err)
		}
	}
	b := newBoard(c, url, sweep, stdout, stderr, o.asJSON)
	if err := b.watch(ctx); err != nil {
		if ctx.Err() == nil {
			return err
		}
		return o.interrupt(c, sweep.ID, stderr)
	}
	return b.finish(context.WithoutCancel(ctx))
}

// submit registers the dataset, if it is not a registered one, and creates the
// sweep.
func (o *runOptions) submit(ctx context.Context, c *client.Client, spec tourney.Spec, file string, stderr io.Writer) (tourney.Sweep, error) {
	t, err := o.findDataset(file, spec)
	if err != nil {
		return tourney.Sweep{}, err
	}
	if t != nil {
		ds, err := register(ctx, c, datasetRequest(spec, o.datasetPlace(file, spec)), *t, stderr)
		if err != nil {
			return tourney.Sweep{}, err
		}
		spec.Dataset = ds.Name + "@" + ds.Version[:12]
		spec.Split = nil // it has been done
	}
	body, err := json.Marshal(spec)
	if err != nil {
		return tourney.Sweep{}, fmt.Errorf("write sweep: %w", err)
	}
	sweep, err := c.CreateSweep(ctx, body, newKey())
	if inv := tourney.AsInvalid(err); inv != nil {
		inv.Source = file
		for i := range inv.Fields {
			inv.Fields[i].Line = 0 // of the body, which nobody has seen
		}
	}
	return sweep, err
}

func datasetRequest(spec tourney.Spec, where string) tourney.DatasetRequest {
	req := tourney.DatasetRequest{Name: cleanName(where), Target: spec.Target, File: where}
	if !isURL(where) {
		req.File = filepath.Base(where)
	}
	if spec.Split != nil {
		req.Split, req.Seed = *spec.Split, spec.Split.Seed
	}
	return req
}

// pauseOthers pauses sweeps that an earlier run in this data directory left
// behind, so that this one has the workers to itself.
func (o *runOptions) pauseOthers(ctx context.Context, c *client.Client, stderr io.Writer) error {
	for s, err := range c.Sweeps(ctx) {
		if err != nil {
			return err
		}
		if s.ID == o.resume || (s.State != tourney.SweepRunning && s.State != tourney.SweepFinishing) {
			continue
		}
		if _, err := c.Act(ctx, s.ID, tourney.ActionPause); err != nil {
			return err
		}
		fmt.Fprintf(stderr, "sweep %s (%s) was interrupted earlier; go on with it: tourney run --resume %s\n", s.Spec.Name, s.ID, s.ID)
	}
	return nil
}

// interrupt pauses the sweep of an embedded server before it goes down.
func (o *runOptions) interrupt(c *client.Client, id string, stderr io.Writer) error {
	if o.access.server != "" {
		fmt.Fprintf(stderr, "\nno longer watching; the sweep goes on: tourney sweep watch %s --server %s\n", id, o.access.server)
		return quietError{errInterrupted}
	}
	ctx, cancel := context.WithTimeout(context.Background(), interruptTime)
	defer cancel()
	if _, err := c.Act(ctx, id, tourney.ActionPause); err != nil && !errors.Is(err, tourney.ErrConflict) {
		return fmt.Errorf("pause sweep %s: %w", id, err)
	}
	dir := ""
	if o.dataDir != "tourney-data" {
		dir = " --data-dir " + o.dataDir
	}
	fmt.Fprintf(stderr, "\npaused; go on with: tourney run --resume %s%s\n", id, dir)
	return quietError{errInterrupted}
}

func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// newKey returns an idempotency key.
func newKey() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
