package coordinator

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"tourney"
)

// notFor is after how long a command is offered again that was offered to a
// worker which may not run it, or cannot now.
const notFor = time.Second

// fits reports whether a worker may run the sweep's trials, and could run one
// now as far as graphics cards go.
func (s *sweep) fits(req *tourney.ClaimRequest) bool {
	c := s.row.Spec.Command
	return c == nil || c.Allowed(req.Commands) && req.GPUs >= c.Resources.GPUs
}

// command returns what the sweep's trials run, and for how long at most.
func (s *sweep) command() *tourney.Command {
	if !s.row.Spec.Runs() {
		return nil
	}
	c := *s.row.Spec.Command
	c.Timeout = s.row.Spec.Timeout
	return &c
}

// gpus is how many graphics cards a trial needs.
func (s *sweep) gpus() int {
	if !s.row.Spec.Runs() {
		return 0
	}
	return s.row.Spec.Resources.GPUs
}

// await has jobs offered again in a while: the worker that was offered them now
// would be offered them again at once.
func (s *sweep) await(jobs []tourney.JobID) {
	for _, want := range jobs {
		if j := s.jobs[want.Trial]; j != nil && j.Rung == want.Rung && j.State == tourney.JobQueued {
			j.offered = time.Now().Add(notFor - offerAge)
		}
	}
}

// allows notes what a worker may run.
func (f *fleet) allows(id string, commands [][]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.workers[id]; m != nil {
		m.commands = commands
	}
}

// canRun reports whether some worker that is alive may run the sweep's trials.
func (f *fleet) canRun(spec *tourney.Spec) bool {
	if !spec.Runs() {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.workers {
		if time.Since(m.LastSeen) < f.ttl && spec.Command.Allowed(m.commands) {
			return true
		}
	}
	return false
}

// rungsAhead returns the budgets of the rungs that one run of a trial passes.
func (s *sweep) rungsAhead(j *job) []int {
	if !s.row.Spec.Streams() || j.Rung >= len(s.row.Plan.Ladder) {
		return nil
	}
	return s.row.Plan.Ladder[j.Rung:]
}

// climb ends the rungs that a run has passed by its points. It returns the job
// of the rung that it is in then, or nil if the search is done with the trial:
// its program is stopped.
func (ch *change) climb(ctx context.Context, j *job, points []tourney.Point) (*job, error) {
	s := ch.s
	m := s.row.Spec.Metric
	top := len(s.row.Plan.Ladder) - 1
	best := s.trials[j.Trial].Value
	for _, p := range points {
		v, ok := p.Metrics[m.Name]
		if !ok {
			continue
		}
		if best == nil || m.Loss(v) < m.Loss(*best) {
			best = &v
		}
		for j.Rung < top && p.Step >= j.Budget && s.row.State == tourney.SweepRunning {
			end := tourney.End{Outcome: tourney.OutcomeDone, Step: p.Step, BestStep: p.Step, Value: &v, Last: &v, Metrics: p.Metrics}
			if m.Of == "best" {
				end.Value = best
			}
			next, err := ch.pass(ctx, j, &end)
			if err != nil || next == nil {
				return nil, err
			}
			j = next
		}
	}
	return j, nil
}

// pass folds the end of a rung whose run goes on, and lets it go on into the
// next one if the search does.
func (ch *change) pass(ctx context.Context, j *job, end *tourney.End) (*job, error) {
	s := ch.s
	if err := ch.foldHeld(ctx); err != nil { // what came before
		return nil, err
	}
	if s.jobs[j.Trial] != j || j.State != tourney.JobRunning {
		return nil, nil // that ended it
	}
	was := j.JobRow
	if err := ch.input(tourney.Reported{Trial: j.Trial, Rung: j.Rung, End: *end}); err != nil {
		return nil, err
	}
	ch.settle(j, *end)
	if err := ch.decide(ctx); err != nil {
		return nil, err
	}
	next := s.jobs[j.Trial]
	if next == nil || next.State != tourney.JobQueued {
		ch.stopped[was.Worker] = append(ch.stopped[was.Worker], s.token(&was))
		ch.closeAttempt(j, tourney.OutcomeStopped, end.Step)
		return nil, nil
	}
	next.State, next.Attempt, next.Worker, next.Claim, next.Lease = tourney.JobRunning, was.Attempt, was.Worker, was.Claim, was.Lease
	next.Failures, next.Checkpoint = was.Failures, was.Checkpoint
	ch.Attempts = append(ch.Attempts, tourney.AttemptRow{Token: s.token(&was), Rung: next.Rung, Worker: was.Worker, Step: end.Step})
	ch.setState(j.Trial, tourney.TrialRunning)
	ch.touch(next)
	return next, nil
}

// keepLog takes what a command has printed and left. A worker may say anything:
// it is held to the bounds that workers keep by themselves.
func (ch *change) keepLog(j *job, e *tourney.Entry) {
	for _, c := range e.Log {
		if c.Offset < 0 || c.Offset > math.MaxInt64/2 || len(c.Text) > tourney.MaxLogChunk || c.Text == "" {
			continue
		}
		c.Text = strings.ToValidUTF8(c.Text, "\uFFFD")
		ch.Logs = append(ch.Logs, tourney.TrialLog{Trial: j.Trial, Attempt: j.Attempt, LogChunk: c})
	}
	for i, a := range e.Artifacts {
		if i >= tourney.MaxArtifacts || !artifactOK(&a) {
			continue
		}
		ch.Artifacts = append(ch.Artifacts, tourney.TrialArtifact{Trial: j.Trial, Attempt: j.Attempt, Artifact: a})
	}
}

func artifactOK(a *tourney.Artifact) bool {
	plain := a.Name != "" && len(a.Name) <= tourney.MaxArtifactName && !strings.HasPrefix(a.Name, "/") &&
		!slices.Contains(strings.Split(a.Name, "/"), "..") && strings.IndexFunc(a.Name, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
	hex := len(a.SHA256) == 64 && strings.Trim(a.SHA256, "0123456789abcdef") == ""
	return plain && hex && a.Size >= 0 && a.Size <= tourney.MaxArtifactBytes
}
