package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"

	"tourney"
	"tourney/bench/report"
	"tourney/bench/stats"
	"tourney/search/searchtest/suite"
)

// contestant is a sampler of ours or a peer's, in a mode.
type contestant struct {
	method  tourney.Method // ours; empty: a peer's
	sampler string         // the peer's
	how     mode
	n       int // trials
	seeds   int
}

// String names it as the raw results do.
func (c contestant) String() string {
	if c.method != "" {
		return "tourney " + string(c.method) + " " + string(c.how)
	}
	return "optuna " + c.sampler + " " + string(c.how)
}

// match is contestants that met on problems.
type match struct {
	problems []problem
	runs     map[string][][]outcome // by contestant, [problems][seeds]
	order    []contestant
}

// meet lets all contestants play all problems. Seeds are outermost and those
// who are compared stand side by side.
func meet(ctx context.Context, e *env, what string, problems []problem, contestants []contestant, wide int) (*match, error) {
	m := &match{problems: problems, runs: map[string][][]outcome{}, order: contestants}
	seeds := 0
	for _, c := range contestants {
		seeds = max(seeds, c.seeds)
		runs := make([][]outcome, len(problems))
		for i := range runs {
			runs[i] = make([]outcome, c.seeds)
		}
		m.runs[c.String()] = runs
	}
	var tasks []task
	for seed := range seeds {
		for i := range problems {
			for _, c := range contestants {
				if seed >= c.seeds {
					continue
				}
				tasks = append(tasks, func(ctx context.Context, w *worker) error {
					var out outcome
					var err error
					if c.method != "" {
						out, err = play(&problems[i], c.method, c.how, c.n, uint64(seed))
					} else {
						out, err = w.playPeer(ctx, &problems[i], c.sampler, c.how, c.n, uint64(seed))
					}
					m.runs[c.String()][i][seed] = out
					return err
				})
			}
		}
	}
	return m, do(ctx, e, what, tasks, wide)
}

// has reports whether the contestant played n trials.
func (m *match) has(c string, n int) bool {
	for _, o := range m.order {
		if o.String() == c && o.n >= n {
			return true
		}
	}
	return false
}

// regrets returns those of all seeds of a contestant on a problem.
func (m *match) regrets(c string, problem, n int) []float64 {
	var out []float64
	for i := range m.runs[c][problem] {
		out = append(out, m.runs[c][problem][i].at(n))
	}
	return out
}

// s3 is the score over the problems after n trials.
func (m *match) s3(c string, n int) float64 {
	problems := make([]suite.Problem, len(m.problems))
	regrets := make([][]float64, len(m.problems))
	for i := range m.problems {
		problems[i], regrets[i] = m.problems[i].Problem, m.regrets(c, i, n)
	}
	return suite.S3(problems, regrets)
}

// wins counts the problems on which a is better than b after n trials at
// p < 0.05, and those on which it is worse.
func (m *match) wins(a, b string, n int) (wins, losses int) {
	for i := range m.problems {
		x, y := m.regrets(a, i, n), m.regrets(b, i, n)
		if stats.MannWhitney(x, y) >= 0.05 {
			continue
		}
		if below(x, y) {
			wins++
		} else {
			losses++
		}
	}
	return wins, losses
}

// below reports whether values of x are more often below those of y than above.
func below(x, y []float64) bool {
	balance := 0
	for _, a := range x {
		for _, b := range y {
			switch {
			case a < b:
				balance++
			case a > b:
				balance--
			}
		}
	}
	return balance > 0
}

// row compares two contestants after n trials.
func (m *match) row(name, peerName string, ours, theirs contestant, n int) report.Row {
	a, b := ours.String(), theirs.String()
	wins, losses := m.wins(a, b, n)
	return report.New(fmt.Sprintf("%s, n=%d", name, n), peerName, "S3", report.Decade, m.s3(a, n), m.s3(b, n)).
		WithQuality(fmt.Sprintf("wins of %d at p<0.05", len(m.problems)), float64(wins), float64(losses))
}

// on returns the number of a problem.
func (m *match) on(name string) int {
	for i := range m.problems {
		if m.problems[i].Name == name {
			return i
		}
	}
	return -1
}

// share returns how many of the first n trials of a contestant's runs on a
// problem, or on all (-1), are among those that are listed, in percent.
func (m *match) share(c string, problem, n int, listed func(*outcome) []int) float64 {
	hits, trials := 0, 0
	for i := range m.problems {
		if problem >= 0 && i != problem {
			continue
		}
		for k := range m.runs[c][i] {
			for _, trial := range listed(&m.runs[c][i][k]) {
				if trial < n {
					hits++
				}
			}
			trials += min(n, len(m.runs[c][i][k].Regrets))
		}
	}
	return 100 * float64(hits) / float64(trials)
}

// medians is a table of the median regrets after n trials, and of what a run
// took on average.
func (m *match) medians(n int) string {
	t := &strings.Builder{}
	fmt.Fprintf(t, "median regret after %d trials", n)
	var who []string
	for _, c := range m.order {
		if c.n >= n {
			who = append(who, c.String())
			fmt.Fprintf(t, "\t%s (%d)", c, c.seeds)
		}
	}
	for i := range m.problems {
		fmt.Fprintf(t, "\n%s", m.problems[i].Name)
		for _, c := range who {
			fmt.Fprintf(t, "\t%.2g", stats.Median(m.regrets(c, i, n)))
		}
	}
	t.WriteString("\nS3")
	for _, c := range who {
		fmt.Fprintf(t, "\t%.2f", m.s3(c, n))
	}
	t.WriteString("\nCPU seconds of a whole run")
	for _, c := range who {
		sum, runs := 0.0, 0.0
		for i := range m.runs[c] {
			for k := range m.runs[c][i] {
				sum, runs = sum+m.runs[c][i][k].CPU, runs+1
			}
		}
		fmt.Fprintf(t, "\t%.2f", sum/runs)
	}
	var b strings.Builder
	aligned := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = io.WriteString(aligned, t.String()) // to a Builder
	_ = aligned.Flush()
	return b.String()
}

// checkpoints are the trials at which the raw results have the regret.
var checkpoints = []int{10, 25, 50, 75, 100, 150, 200}

var rawMutex sync.Mutex

// raw appends all runs to a file, for who wants to look closer.
func (m *match) raw(folder, what string) (err error) {
	rawMutex.Lock()
	defer rawMutex.Unlock()
	f, err := os.Create(filepath.Join(folder, "search-"+what+".csv"))
	if err != nil {
		return fmt.Errorf("write raw results: %w", err)
	}
	w := csv.NewWriter(f)
	head := []string{"contestant", "problem", "seed"}
	for _, n := range checkpoints {
		head = append(head, fmt.Sprintf("r%d", n))
	}
	rows := [][]string{append(head, "failed", "repeats", "cpu_s")}
	for _, c := range m.order {
		for i, runs := range m.runs[c.String()] {
			for seed := range runs {
				o := &runs[seed]
				row := []string{c.String(), m.problems[i].Name, strconv.Itoa(seed)}
				for _, n := range checkpoints {
					text := ""
					if r := o.at(n); !math.IsInf(r, 1) {
						text = fmt.Sprintf("%.6g", r)
					}
					row = append(row, text)
				}
				rows = append(rows, append(row, strconv.Itoa(len(o.Failed)), strconv.Itoa(len(o.Repeats)), fmt.Sprintf("%.3f", o.CPU)))
			}
		}
	}
	if err := w.WriteAll(rows); err != nil {
		_ = f.Close()
		return fmt.Errorf("write raw results: %w", err)
	}
	return f.Close()
}
