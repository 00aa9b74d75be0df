package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"tourney"
	"tourney/trainers/command"
	"tourney/worker/process"
)

// How long a program has between SIGTERM and SIGKILL: when it is stopped, and
// when its worker leaves, which has to upload what it saves in what is left.
const (
	Grace      = 10 * time.Second
	leaveGrace = 5 * time.Second
)

// lookEvery is how often files, and what becomes of the attempt, are looked at.
const lookEvery = 100 * time.Millisecond

// quiet is for how long a checkpoint directory must not have changed while the
// program runs: what lies there is then taken to be whole.
const quiet = time.Second

// Fate is what is to become of an attempt.
type Fate int

// The fates.
const (
	GoOn  Fate = iota
	Leave      // the worker leaves: save, and give the trial back
	Stop       // it is no longer ours, or not wanted any more
)

// Attempt is one run of a trial's program, as the worker sees it. Its methods
// are called from one goroutine.
type Attempt interface {
	Job() *tourney.Job
	Token() tourney.Token
	State() []byte // of the checkpoint to go on from, or nil
	Fate() Fate
	Points(points []tourney.Point)
	Checkpoint(state []byte, step int)
	// Log takes a piece of the log, or has no room for it yet. With end it has.
	Log(c tourney.LogChunk, end bool) bool
}

// Result is what an attempt came to. End is nil if nobody is to hear of it.
type Result struct {
	End       *tourney.End
	State     []byte
	Artifacts []tourney.Artifact
}

// run is an attempt that runs.
type run struct {
	r       *Runner
	a       Attempt
	place   *place
	journal *journal
	proc    *process.Process
	saved   int       // the step of the last checkpoint
	looked  time.Time // when the checkpoint directory was last looked at

	mu       sync.Mutex
	collect  command.Collector
	thin     thinner
	points   []tourney.Point // to be sent
	diverged bool
	stopping bool
}

// Run runs the program of an attempt to its end. It returns soon after ctx is
// done, with nothing of the program left.
func (r *Runner) Run(ctx context.Context, a Attempt) Result {
	job := a.Job()
	x := &run{r: r, a: a, journal: newJournal(time.Now), looked: time.Now(), saved: from(job)}
	x.collect = command.Collector{Metric: job.Metric, Counted: job.Counted}
	if job.Command.Resumable {
		x.collect.From = from(job)
	}
	x.thin = thinner{rungs: job.Rungs}
	gpus, ok := r.takeGPUs(job.Command.Resources.GPUs)
	if !ok { // somebody else was faster; another has them, or this one later
		return Result{End: &tourney.End{Outcome: tourney.OutcomePreempted, Step: from(job)}}
	}
	defer r.giveGPUs(gpus)
	result := x.attempt(ctx, gpus)
	x.sendLog(true)
	return result
}

func (x *run) attempt(ctx context.Context, gpus []string) Result {
	var err error
	x.place, err = x.r.settle(x.a, gpus)
	if x.place != nil && x.place.dir != "" {
		defer os.RemoveAll(x.place.dir) //nolint:errcheck // what stays goes with the runner's directory
	}
	if err != nil {
		x.journal.say("%v", err)
		reason := tourney.ReasonUserError
		if errors.Is(err, tourney.ErrRefused) || errors.Is(err, tourney.ErrInvalid) {
			reason = tourney.ReasonSpecInvalid
		}
		return x.failed(reason, err.Error())
	}
	x.restore()
	exit, err := x.execute(ctx)
	if err != nil {
		x.journal.say("%v", err)
		return x.failed(tourney.ReasonUserError, err.Error())
	}
	return x.conclude(ctx, exit)
}

// restore puts back what an earlier attempt has saved. Without it the program
// begins anew, which costs time.
func (x *run) restore() {
	state := x.a.State()
	if state == nil {
		return
	}
	err := unpack(x.place.checkpoint, state)
	if err == nil {
		x.journal.say("going on from the checkpoint of step %d", from(x.a.Job()))
		return
	}
	x.journal.say("the checkpoint cannot be read, and the trial begins anew: %v", err)
	_ = os.RemoveAll(x.place.checkpoint)    // a file that stays is the program's to find
	_ = os.Mkdir(x.place.checkpoint, 0o700) // likewise
}

// execute runs the program and follows it until nothing of it is left.
func (x *run) execute(ctx context.Context) (process.Exit, error) {
	c := x.a.Job().Command
	files, err := newTail(x.place.work, c.MetricsFrom, x.a.Job().Metric.Name)
	if err != nil {
		return process.Exit{}, fmt.Errorf("follow metrics: %w", err)
	}
	defer files.close()
	secret, leave := x.r.push.admit(x.pushed)
	defer leave()
	outR, outW, err := os.Pipe()
	if err != nil {
		return process.Exit{}, err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		return process.Exit{}, errors.Join(err, outR.Close(), outW.Close())
	}
	env := append(slices.Clone(x.place.env), "TOURNEY_REPORT_URL="+x.r.push.url, "TOURNEY_REPORT_TOKEN="+secret)
	x.journal.say("running %s", strings.Join(x.place.argv, " "))
	if c.WandB == "shim" {
		x.journal.say("import wandb finds tourney's stand-in here, not the wandb package")
	}
	x.proc, err = process.Start(process.Spec{
		Argv: x.place.argv, Dir: x.place.cwd(), Env: env, Stdout: outW, Stderr: errW, Limits: x.place.limits(c),
	})
	_ = outW.Close() // the program has its own
	_ = errW.Close() // likewise
	if err != nil {
		return process.Exit{}, errors.Join(err, outR.Close(), errR.Close())
	}
	var readers sync.WaitGroup
	readers.Go(func() { x.readOut(outR); _ = outR.Close() })
	readers.Go(func() { readLines(errR, func(b []byte) { x.journal.line(markErr, b) }); _ = errR.Close() })
	x.follow(ctx, files)
	readers.Wait()
	files.look(true, x.observe, x.journal.say)
	x.sendPoints(true)
	return x.proc.Exit(), nil
}

// follow looks after the program until it has ended.
func (x *run) follow(ctx context.Context, files *tail) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	stop, fate := sync.Once{}, GoOn
	for {
		select {
		case <-x.proc.Done():
			return
		case <-ctx.Done():
			x.proc.Stop(0)
			<-x.proc.Done()
			return
		case <-tick.C:
		}
		files.look(false, x.observe, x.journal.say)
		x.sendPoints(false)
		x.sendLog(false)
		x.mu.Lock()
		diverged := x.diverged
		x.mu.Unlock()
		if next := x.a.Fate(); next != GoOn || diverged {
			fate = max(fate, next)
			stop.Do(func() { x.halt(fate) })
			continue
		}
		if time.Since(x.looked) >= x.r.cfg.CheckpointEvery {
			x.looked = time.Now()
			x.save()
		}
	}
}

// halt asks the program to stop.
func (x *run) halt(fate Fate) {
	x.mu.Lock()
	x.stopping = true
	x.mu.Unlock()
	grace := Grace
	if fate == Leave {
		grace = leaveGrace
	}
	x.proc.Stop(grace)
}

// readOut reads stdout: as log and, unless the sweep takes its metrics from
// files alone, as metrics.
func (x *run) readOut(r *os.File) {
	var readers []*command.LineReader
	sources := x.a.Job().Command.MetricsFrom
	if len(sources) == 0 {
		sources = []tourney.MetricSource{{}}
	}
	for _, m := range sources {
		if m.File != "" {
			continue
		}
		lines, err := command.NewLineReader(m, x.a.Job().Metric.Name)
		if err != nil { // it was checked when the sweep was created
			x.journal.say("metrics_from: %v", err)
			continue
		}
		readers = append(readers, lines)
	}
	readLines(r, func(line []byte) {
		x.journal.line(markOut, line)
		text := string(line)
		for _, reader := range readers {
			for part := range strings.SplitSeq(text, "\r") {
				for _, o := range reader.Read(part) {
					x.observe(o)
				}
			}
		}
	})
}

// observe takes what the program reports.
func (x *run) observe(o command.Observation) {
	x.mu.Lock()
	defer x.mu.Unlock()
	points, ok := x.collect.Add(o)
	x.keep(points)
	x.diverged = x.diverged || !ok
}

// pushed is observe for a program that wants to know whether to go on.
func (x *run) pushed(o command.Observation) (stop bool) {
	x.observe(o)
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.stopping || x.diverged
}

// keep thins points out to what is sent. The caller holds mu.
func (x *run) keep(points []tourney.Point) {
	for _, p := range points {
		if x.thin.wants(p, x.collect.Metric.Name) {
			x.points = append(x.points, p)
		}
	}
}

// sendPoints sends what is known of the last step as well, which may become
// more.
func (x *run) sendPoints(end bool) {
	x.mu.Lock()
	x.keep(x.collect.Flush())
	if last := x.collect.Last(); end && last.Value != nil {
		x.points = append(x.points, tourney.Point{Step: last.Step, Metrics: last.Metrics})
	}
	points := fewer(x.points)
	x.points = nil
	x.mu.Unlock()
	if len(points) > 0 {
		x.a.Points(points)
	}
}

// maxValues bounds the values that are sent at once: a report has to fit into a
// message.
const maxValues = 2000

// fewer leaves out every other point until the rest is not too much. The last
// one stays.
func fewer(points []tourney.Point) []tourney.Point {
	for {
		values := 0
		for _, p := range points {
			values += len(p.Metrics)
		}
		if values <= maxValues || len(points) < 2 {
			return points
		}
		var kept []tourney.Point
		for i := len(points) - 1; i >= 0; i -= 2 {
			kept = append(kept, points[i])
		}
		slices.Reverse(kept)
		points = kept
	}
}

func (x *run) sendLog(end bool) {
	for {
		c, ok := x.journal.take(end, func(c tourney.LogChunk) bool { return x.a.Log(c, end) })
		if !ok || !end || c.Text == "" {
			return
		}
	}
}

// save takes a checkpoint of a running program, if there is a new one and it is
// whole: nobody has written to it for a while, nor does while it is read.
func (x *run) save() {
	x.mu.Lock()
	step := x.collect.Step()
	x.mu.Unlock()
	if step <= x.saved {
		return
	}
	items, err := survey(x.place.checkpoint)
	if err != nil || len(items) == 0 || slices.ContainsFunc(items, func(it item) bool { return time.Since(it.mtime) < quiet }) {
		return
	}
	if state := x.pack(); state != nil {
		x.saved = step
		x.a.Checkpoint(state, step)
	}
}

// pack returns the checkpoint directory as it is, or nil.
func (x *run) pack() []byte {
	state, err := pack(x.place.checkpoint)
	if err != nil && !errors.Is(err, errUnsteady) {
		x.journal.say("the checkpoint is not kept: %v", err)
	}
	return state
}

// conclude makes an end of how the program ended.
func (x *run) conclude(ctx context.Context, exit process.Exit) Result {
	x.journal.say("%s", describe(exit))
	last, reached := x.collect.Last(), x.collect.Result()
	step := max(x.collect.Step(), from(x.a.Job()))
	fate := x.a.Fate()
	switch {
	case fate == Stop || ctx.Err() != nil:
		return Result{}
	case x.diverged:
		return Result{End: &tourney.End{Outcome: tourney.OutcomeDiverged, Step: step}, Artifacts: x.r.upload(ctx, x.place.artifacts, x.journal)}
	case fate == Leave && exit.Cause == process.CauseStopped:
		result := Result{End: &tourney.End{Outcome: tourney.OutcomePreempted, Step: step}}
		if step > 0 {
			result.State = x.pack()
		}
		return result
	case exit.Cause != process.CauseNone || exit.Code != 0:
		reason, text := x.blame(exit)
		result := x.failed(reason, text)
		result.Artifacts = x.r.upload(ctx, x.place.artifacts, x.journal)
		return result
	case reached.Value == nil:
		return x.failed(tourney.ReasonUserError, x.unreported())
	}
	end := &tourney.End{
		Outcome: tourney.OutcomeDone, Step: last.Step, BestStep: reached.Step, Value: reached.Value, Last: last.Value, Metrics: reached.Metrics, Whole: true,
	}
	if job := x.a.Job(); job.Command.Resumable && job.Tiered {
		end.Step, end.Whole = job.Budget, false // by contract
	}
	return Result{End: end, State: x.pack(), Artifacts: x.r.upload(ctx, x.place.artifacts, x.journal)}
}

func (x *run) failed(reason tourney.Reason, text string) Result {
	return Result{End: &tourney.End{Outcome: tourney.OutcomeFailed, Step: from(x.a.Job()), Reason: reason, Error: text}}
}

// unreported says that the metric was never seen, and which ones were.
func (x *run) unreported() string {
	text := fmt.Sprintf("the program ended without having reported %s", x.collect.Metric.Name)
	if names := x.collect.Names(); len(names) > 0 {
		return text + "; it reported " + strings.Join(names[:min(len(names), 20)], ", ")
	}
	return text + `, nor anything else: print {"` + x.collect.Metric.Name + `": 0.5} or ` + x.collect.Metric.Name + `=0.5 on a line of stdout, or say metrics_from in the sweep file`
}

// outOfMemory is how programs say that there was not enough.
var outOfMemory = regexp.MustCompile(`MemoryError|std::bad_alloc|[Oo]ut of memory|Cannot allocate memory|OutOfMemoryError|cannot allocate memory`)

// blame says why a program failed, with the last that it said.
func (x *run) blame(exit process.Exit) (tourney.Reason, string) {
	l := x.place.limits(x.a.Job().Command)
	last := x.journal.last()
	text := describe(exit)
	reason := tourney.ReasonUserError
	switch {
	case exit.Cause == process.CauseTimeout:
		reason, text = tourney.ReasonTimeout, fmt.Sprintf("it ran longer than %v and was stopped", l.Wall)
	case exit.Cause == process.CauseMemory:
		reason, text = tourney.ReasonOOM, fmt.Sprintf("it had %d MiB in memory and may have %d MiB", exit.Memory>>20, l.Memory>>20)
	case exit.Cause == process.CauseProcs:
		text = fmt.Sprintf("it had more than %d processes", l.Procs)
	case exit.Cause == process.CauseDisk:
		text = fmt.Sprintf("its directory held more than %d MiB", l.Disk>>20)
	case exit.Signal == "killed" || outOfMemory.MatchString(last):
		reason = tourney.ReasonOOM
	}
	if last != "" {
		text += "\n" + last
	}
	return reason, text
}

// describe says how a program ended.
func describe(exit process.Exit) string {
	var text string
	switch {
	case exit.Cause == process.CauseBroken:
		text = "its supervisor was killed"
	case exit.Signal != "":
		text = "ended by signal: " + exit.Signal
	default:
		text = fmt.Sprintf("exit code %d", exit.Code)
	}
	if exit.Left > 0 {
		text += fmt.Sprintf("; %d processes that it had left behind were killed", exit.Left)
	}
	return text
}

// maxSent is how many points of an attempt are sent, about.
const maxSent = 512

// thinner keeps about as many points as are stored, evenly, and those that a
// rung waits for.
type thinner struct {
	rungs  []int
	seen   int
	sent   int
	stride int
}

func (t *thinner) wants(p tourney.Point, metric string) bool {
	t.stride = max(t.stride, 1)
	t.seen++
	rung := false
	if _, ok := p.Metrics[metric]; ok {
		for len(t.rungs) > 0 && p.Step >= t.rungs[0] {
			t.rungs, rung = t.rungs[1:], true
		}
	}
	if !rung && t.seen%t.stride != 0 {
		return false
	}
	if t.sent++; t.sent >= maxSent {
		t.sent, t.stride = maxSent/2, t.stride*2
	}
	return true
}
