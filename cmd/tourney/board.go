package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"tourney"
	"tourney/api/client"
)

// interruptTime bounds what is done after Ctrl-C.
const interruptTime = 5 * time.Second

// boardRows is how many trials the live board shows.
const boardRows = 10

// board shows a sweep while it runs: redrawn in place on a terminal, a line
// every few seconds elsewhere.
type board struct {
	c       *client.Client
	url     string // of the server
	sweep   tourney.Sweep
	out     io.Writer // results
	err     io.Writer // progress
	asJSON  bool
	live    bool // err is a terminal
	colour  bool
	drawn   []int // the widths of the lines on the screen, which the next drawing replaces
	pace    pace
	started time.Time
	said    time.Time
}

func newBoard(c *client.Client, url string, sweep tourney.Sweep, out, errw io.Writer, asJSON bool) *board {
	b := &board{c: c, url: url, sweep: sweep, out: out, err: errw, asJSON: asJSON, started: time.Now()}
	if f, ok := errw.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b.live = os.Getenv("TERM") != "dumb"
		b.colour = b.live && os.Getenv("NO_COLOR") == ""
	}
	return b
}

// watch follows the sweep to its end. Events wake it; what it shows it reads
// anew, at most four times a second.
func (b *board) watch(ctx context.Context) error {
	on := b.sweep.Spec.Dataset[:min(len(b.sweep.Spec.Dataset), 40)]
	if b.sweep.Spec.Runs() {
		on = strings.Join(b.sweep.Spec.Command.Fixed(tourney.Interpreters()[0]), " ")
	}
	fmt.Fprintf(b.err, "sweep %s (%s) on %s\n", b.bold(b.sweep.Spec.Name), b.sweep.ID, on)
	fmt.Fprintf(b.err, "dashboard %s\n", b.bold(b.url+"/sweeps/"+b.sweep.ID))
	events := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changed := make(chan struct{}, 1)
	go func() {
		for _, err := range b.c.Events(ctx, b.sweep.ID, b.sweep.Cursor) {
			if err != nil {
				events <- err
				return
			}
			select {
			case changed <- struct{}{}:
			default:
			}
		}
		events <- ctx.Err()
	}()
	if err := b.recall(ctx); err != nil {
		return err
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	const pace = 250 * time.Millisecond
	next := time.NewTimer(0)
	defer next.Stop()
	dirty, due := true, false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-events:
			return err
		case <-changed:
			dirty = true
		case <-resized:
			dirty = b.live
		case <-next.C:
			due = true
		}
		if !dirty || !due {
			continue
		}
		if err := b.refresh(ctx); err != nil {
			return err
		}
		if b.sweep.State.Terminal() {
			return nil
		}
		dirty, due = false, false
		next.Reset(pace)
	}
}

func (b *board) refresh(ctx context.Context) error {
	sweep, err := b.c.Sweep(ctx, b.sweep.ID)
	if err != nil {
		return err
	}
	b.sweep = sweep
	b.pace.note(time.Now(), &b.sweep)
	if !b.live {
		if time.Since(b.said) > 2*time.Second || sweep.State.Terminal() {
			b.said = time.Now()
			fmt.Fprintln(b.err, b.progress())
		}
		return nil
	}
	top, err := collect(b.c.Leaderboard(ctx, b.sweep.ID), boardRows)
	if err != nil {
		return err
	}
	b.draw(top)
	return nil
}

// progress is the sweep in one line.
func (b *board) progress() string {
	total := total(b.sweep.Counts)
	of := ""
	if most := mostTrials(&b.sweep); most > 0 {
		of = fmt.Sprintf(" of %d", most)
	}
	line := fmt.Sprintf("%-9s %d%s trials started, %d running", b.sweep.State, total, of, b.sweep.Counts[tourney.TrialRunning])
	if best := b.sweep.Best; best != nil && best.Value != nil {
		line += fmt.Sprintf(", best %s %.4f (trial %d)", b.sweep.Spec.Metric.Name, *best.Value, best.Number)
	}
	return line + b.pace.line(&b.sweep) + fmt.Sprintf(", %s", time.Since(b.started).Round(100*time.Millisecond))
}

// draw replaces the board on the terminal.
func (b *board) draw(top []tourney.Trial) {
	width := 100
	if f, ok := b.err.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
			width = w
		}
	}
	lines := []string{b.progress(), b.track()}
	lines = append(lines, table(b.sweep.Spec, top)...)
	var s strings.Builder
	if up := rowsOf(b.drawn, width); up > 0 {
		fmt.Fprintf(&s, "\x1b[%dA\x1b[J", up)
	}
	b.drawn = b.drawn[:0]
	for i, line := range lines {
		line = clip(line, width-1)
		b.drawn = append(b.drawn, utf8.RuneCountInString(line))
		if i == 0 || i == 2 {
			line = b.bold(line)
		}
		s.WriteString(line + "\n")
	}
	io.WriteString(b.err, s.String())
}

// rowsOf is how many rows lines of these widths take on a terminal, which may
// have become narrower since.
func rowsOf(widths []int, width int) int {
	rows := 0
	for _, w := range widths {
		rows += max(1, (w+width-1)/width)
	}
	return rows
}

// track is how much is done, and how the incumbent has improved, in a line.
func (b *board) track() string {
	line := doneBar(endedTrials(&b.sweep), mostTrials(&b.sweep), trackSlots)
	if spark := sparkline(b.pace.bests, trackSlots); spark != "" {
		line += fmt.Sprintf("  %s %s, %d improvements", b.sweep.Spec.Metric.Name, spark, len(b.pace.bests)-1)
	}
	return strings.TrimSpace(line)
}

func (b *board) bold(s string) string {
	if !b.colour {
		return s
	}
	return "\x1b[1m" + s + "\x1b[0m"
}

// finish prints the outcome. Its error says whether the sweep completed.
func (b *board) finish(ctx context.Context) error {
	sweep, err := b.c.Sweep(ctx, b.sweep.ID)
	if err != nil {
		return err
	}
	if b.asJSON {
		trials, err := collect(b.c.Leaderboard(ctx, sweep.ID), -1)
		if err != nil {
			return err
		}
		if err := writeJSON(b.out, runResult{sweep, sweep.Best, trials}); err != nil {
			return err
		}
	} else if sweep.Best != nil {
		printWinner(b.out, sweep)
	}
	if sweep.State != tourney.SweepCompleted {
		return fmt.Errorf("sweep %s is %s: %s", sweep.ID, sweep.State, sweep.Reason)
	}
	if sweep.Reason != "" {
		return errors.New(sweep.Reason)
	}
	return nil
}

// runResult is what run --json prints.
type runResult struct {
	Sweep       tourney.Sweep   `json:"sweep"`
	Best        *tourney.Trial  `json:"best"`
	Leaderboard []tourney.Trial `json:"leaderboard"`
}

// MarshalJSON lifts the sweep's name to the top.
func (r runResult) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"sweep": struct {
			ID   string `json:"id"`
			Name string `json:"name"`
			tourney.Sweep
		}{r.Sweep.ID, r.Sweep.Spec.Name, r.Sweep},
		"best":        r.Best,
		"leaderboard": r.Leaderboard,
	})
}

// printWinner says who won, with what, and how well.
func printWinner(w io.Writer, sweep tourney.Sweep) {
	best := sweep.Best
	fmt.Fprintf(w, "\nwinner: trial %d of %d\n", best.Number, total(sweep.Counts))
	for _, name := range slices.Sorted(maps.Keys(best.Params)) {
		fmt.Fprintf(w, "  %-16s %s\n", name, formatValue(best.Params[name]))
	}
	metric := sweep.Spec.Metric.Name
	fmt.Fprintf(w, "validation %s: %.4f (after %d steps)\n", metric, *best.Value, best.BestStep)
	var tests []string
	for _, name := range slices.Sorted(maps.Keys(best.Metrics)) {
		if bare, ok := strings.CutPrefix(name, "test_"); ok && bare != metric {
			tests = append(tests, fmt.Sprintf("%s %.4f", bare, best.Metrics[name]))
		}
	}
	if v, ok := best.Metrics["test_"+metric]; ok {
		line := fmt.Sprintf("sealed test %s: %.4f", metric, v)
		if len(tests) > 0 {
			line += " (" + strings.Join(tests, ", ") + ")"
		}
		fmt.Fprintln(w, line)
	}
}

func total(counts map[tourney.TrialState]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// table lays trials out in columns under a head.
func table(spec tourney.Spec, trials []tourney.Trial) []string {
	head := []string{"#", "trial", "state", "rung", "step", spec.Metric.Name}
	var params []string
	for _, p := range spec.Parameters {
		if !p.Fixed() {
			params = append(params, p.Name)
			head = append(head, p.Name)
		}
	}
	rows := [][]string{head}
	for i, t := range trials {
		value := "-"
		if t.Value != nil {
			value = fmt.Sprintf("%.4f", *t.Value)
		}
		row := []string{fmt.Sprint(i + 1), fmt.Sprint(t.Number), string(t.State), fmt.Sprint(t.Rung), fmt.Sprint(t.Step), value}
		for _, p := range params {
			row = append(row, formatValue(t.Params[p]))
		}
		rows = append(rows, row)
	}
	widths := make([]int, len(head))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	lines := make([]string, len(rows))
	for r, row := range rows {
		var s strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 2 {
				s.WriteString(cell + pad + "  ")
			} else {
				s.WriteString(pad + cell + "  ")
			}
		}
		lines[r] = strings.TrimRight(s.String(), " ")
	}
	return lines
}

func formatValue(v any) string {
	switch v := v.(type) {
	case float64:
		return fmt.Sprintf("%.4g", v)
	case string:
		return v
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

func clip(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}

// collect reads a list, at most n of it; n < 0 means all.
func collect[T any](list iter.Seq2[T, error], n int) ([]T, error) {
	items := []T{}
	for item, err := range list {
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		if len(items) == n {
			break
		}
	}
	return items, nil
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
