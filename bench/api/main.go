// Command api measures how fast the API answers while a sweep runs: reads of the
// board at a fixed rate, beside trials that are asked for and told at a fixed
// rate, the same trials without readers, and asks and tells of single trials. See docs/benchmarks.md for the
// method, and `make bench-api` for how it is run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"

	"tourney/bench/report"
	"tourney/bench/stats"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench api:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be stopped
	}
}

// The rates of the goal.
const (
	trialRate = 500  // trials a second
	readRate  = 2000 // reads of the board a second
	callRate  = 500  // asks and tells a second, of one trial each
)

func bench(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("api", flag.ContinueOnError)
	root := flags.String("root", ".", "the repository")
	tourney := flags.String("tourney", "bin/tourney", "the program that is measured")
	quick := flags.Bool("quick", false, "shorter rounds")
	out := flags.String("out", "bench/out", "where the results go")
	seconds := flags.Duration("round", 0, "how long a round lasts (30s, quick 10s)")
	rounds := flags.Int("rounds", 0, "rounds of each kind (5, quick 2)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *seconds == 0 {
		*seconds = map[bool]time.Duration{false: 30 * time.Second, true: 10 * time.Second}[*quick]
	}
	if *rounds == 0 {
		*rounds = map[bool]int{false: 5, true: 2}[*quick]
	}
	work, err := os.MkdirTemp("", "tourney-bench-api-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	srv, err := start(ctx, *tourney, work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	l := newLoad(srv.url)
	if err := l.create(ctx); err != nil {
		return err
	}
	r := &report.Report{Name: "api", Machine: report.ThisMachine(*root)}
	fmt.Fprintln(os.Stderr, r.Machine)
	if _, err := l.round(ctx, 3*time.Second, true); err != nil { // until all is warm, and the board has a first page
		return err
	}
	// In turns, so that what else the machine does meets all alike.
	var with, without, single []measured
	var syncs []float64 // p99 of each round
	for range *rounds {
		disk := watchDisk(work)
		for _, turn := range []struct {
			kept *[]measured
			play func() (measured, error)
		}{
			{&without, func() (measured, error) { return l.round(ctx, *seconds, false) }},
			{&with, func() (measured, error) { return l.round(ctx, *seconds, true) }},
			{&single, func() (measured, error) { return l.alone(ctx, *seconds) }},
		} {
			m, err := turn.play()
			if err != nil {
				return errors.Join(err, disk.stop())
			}
			fmt.Fprintf(os.Stderr, "api: %v\n", m)
			*turn.kept = append(*turn.kept, m)
		}
		if err := disk.stop(); err != nil {
			return err
		}
		syncs = append(syncs, quantile(disk.took, 0.99))
		fmt.Fprintf(os.Stderr, "api: a sync of the disk meanwhile: p50 %.1f ms, p99 %.1f ms\n", 1000*quantile(disk.took, 0.5), 1000*quantile(disk.took, 0.99))
	}
	of := func(rounds []measured, f func(measured) float64) float64 {
		values := make([]float64, len(rounds))
		for i, m := range rounds {
			values[i] = f(m)
		}
		return stats.Median(values)
	}
	const self = "tourney without readers"
	done, commit := func(m measured) float64 { return m.trials }, func(m measured) float64 { return 1000 * quantile(m.tells, 0.99) }
	alone := of(without, commit)
	r.Add(
		report.New("leaderboard, 2,000 reads/s beside 500 trials/s: p99", "", "ms", report.Lower,
			of(with, func(m measured) float64 { return 1000 * quantile(m.reads, 0.99) }), 0).WithGoal(report.Lower, 50),
		report.New("leaderboard, 2,000 reads/s beside 500 trials/s: p50", "", "ms", report.Lower,
			of(with, func(m measured) float64 { return 1000 * quantile(m.reads, 0.5) }), 0),
		report.New("leaderboard reads answered", "", "1/s", report.Higher,
			of(with, func(m measured) float64 { return float64(len(m.reads)) / m.seconds }), 0).WithGoal(report.Higher, 0.99*readRate),
		report.New("trials completed beside 2,000 reads/s", self, "1/s", report.Higher, of(with, done), of(without, done)).
			WithGoal(report.Higher, 0.95*of(without, done)),
		report.New("a tell of 10 trials, committed, beside 2,000 reads/s: p99", self, "ms", report.Lower, of(with, commit), alone).
			WithGoal(report.Lower, 1.05*alone),
		report.New("an ask of one trial, committed, at 500 calls/s: p99", "", "ms", report.Lower,
			of(single, func(m measured) float64 { return 1000 * quantile(m.asks, 0.99) }), 0).WithGoal(report.Lower, 5),
		report.New("an ask of one trial, committed, at 500 calls/s: p50", "", "ms", report.Lower,
			of(single, func(m measured) float64 { return 1000 * quantile(m.asks, 0.5) }), 0),
		report.New("a tell of one trial, committed, at 500 calls/s: p99", "", "ms", report.Lower,
			of(single, func(m measured) float64 { return 1000 * quantile(m.tells, 0.99) }), 0).WithGoal(report.Lower, 5),
		report.New("a tell of one trial, committed, at 500 calls/s: p50", "", "ms", report.Lower,
			of(single, func(m measured) float64 { return 1000 * quantile(m.tells, 0.5) }), 0),
		report.New("a sync of 4 kB to the same disk meanwhile: p99", "", "ms", report.Lower, 1000*stats.Median(syncs), 0),
	)
	r.Note("%d rounds of %v with readers, as many without, and as many of single trials, in turns; medians of the rounds. The load comes from this machine too, and shares its %d cores with the server.",
		*rounds, *seconds, r.Machine.Cores)
	return r.Write(*out, os.Stdout)
}

// quantile returns the value below which so large a share lies.
func quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// server is a process that is measured.
type server struct {
	url string
	cmd *exec.Cmd
}

// start starts a server without workers: the trials are trained here.
func start(ctx context.Context, program, work string) (*server, error) {
	name := filepath.Join(work, "log")
	log, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &server{cmd: exec.CommandContext(ctx, program, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--log-level", "warn", "--data-dir", filepath.Join(work, "data"))} //nolint:gosec // the program that was just built
	s.cmd.Stderr = log
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; make build makes it", err)
	}
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		said, err := os.ReadFile(name)
		if err != nil {
			return nil, errors.Join(err, s.stop())
		}
		if s.url = address.FindString(string(said)); s.url != "" {
			return s, nil
		}
	}
	return nil, errors.Join(errors.New("the server did not say its address within 30 s"), s.stop())
}

func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}
