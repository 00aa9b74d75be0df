package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tourney"
)

// Store is what is tested: the ports of coordinator, api and dataset together.
type Store interface {
	Epoch() string
	Commit(ctx context.Context, c *tourney.Change) error
	Sweep(ctx context.Context, id string) (tourney.Sweep, error)
	OpenSweeps(ctx context.Context) ([]tourney.Sweep, error)
	Events(ctx context.Context, sweep string, after int64, limit int) ([]tourney.Event, error)
	SweepByKey(ctx context.Context, key string) (sweep, keyBody string, err error)
	OpenTrials(ctx context.Context, sweep string) ([]tourney.Trial, error)
	Trial(ctx context.Context, sweep string, number int) (tourney.Trial, error)
	OpenJobs(ctx context.Context, sweep string) ([]tourney.JobRow, error)
	CheckpointAt(ctx context.Context, sweep string, trial, step int) (tourney.Checkpoint, error)
	FinalJobs(ctx context.Context, sweep string) ([]tourney.JobRow, error)
	Usage(ctx context.Context, sweep string, now time.Time) (tourney.Usage, error)
	Outcomes(ctx context.Context, tokens []tourney.Token) (map[tourney.Token]tourney.Outcome, error)
	SaveWorker(ctx context.Context, w tourney.Worker) error
	Dataset(ctx context.Context, ref string) (tourney.Dataset, error)
	SealedIn(ctx context.Context, hash string) ([]string, error)

	Sweeps(ctx context.Context, page tourney.Page) (sweeps []tourney.Sweep, next string, err error)
	Leaderboard(ctx context.Context, sweep string, page tourney.Page) (trials []tourney.Trial, next string, err error)
	Trials(ctx context.Context, sweep string, page tourney.Page) (trials []tourney.Trial, next string, err error)
	Points(ctx context.Context, sweep string, number int) ([]tourney.Point, error)
	History(ctx context.Context, sweep string, limit int) ([]tourney.HistoryPoint, error)
	EventsAfter(ctx context.Context, sweep string, after int64, limit int) ([]tourney.Event, error)
	Changed() <-chan struct{}
	Workers(ctx context.Context) ([]tourney.Worker, error)
	Lifetimes(ctx context.Context) ([]tourney.Lifetime, error)
	Datasets(ctx context.Context, page tourney.Page) (datasets []tourney.Dataset, next string, err error)
	DatasetBySource(ctx context.Context, source string) (tourney.Dataset, error)

	Token(ctx context.Context, id string) (tourney.AccessToken, [32]byte, error)
	Tokens(ctx context.Context) ([]tourney.AccessToken, error)
	SaveToken(ctx context.Context, t tourney.AccessToken, hash [32]byte, answer *tourney.Answer) error
	SaveAnswer(ctx context.Context, a tourney.Answer) error
	Answer(ctx context.Context, key [32]byte) (tourney.Answer, error)
	RevokeToken(ctx context.Context, id string) error
	TouchToken(ctx context.Context, id string) error
	SaveSession(ctx context.Context, hash [32]byte, token string, expires time.Time) error
	SessionToken(ctx context.Context, hash [32]byte) (tourney.AccessToken, error)
	DeleteSession(ctx context.Context, hash [32]byte) error
	SaveAudit(ctx context.Context, a tourney.Audit) error
	Audits(ctx context.Context, limit int) ([]tourney.Audit, error)

	SaveDataset(ctx context.Context, d tourney.Dataset) error
	DeleteDataset(ctx context.Context, ref string) error
	Loosen(ctx context.Context, hash string) error
	LooseBlobs(ctx context.Context) ([]string, error)
	ForgetLoose(ctx context.Context, removed []string) error
	Check(ctx context.Context) ([]string, error)
	Close() error
}

// Opener opens the store in a directory.
type Opener func(dir string) (Store, error)

// Run runs the suite.
func Run(t *testing.T, open Opener) {
	tests := []struct {
		name string
		test func(*testing.T, Opener)
	}{
		{"a sweep reads back as it was written", testSweepReadsBack},
		{"rows read back as they were written", testRowsReadBack},
		{"final jobs that are done keep the models", testFinalJobs},
		{"a key names one sweep", testKey},
		{"events go on without gaps", testEventsGoOn},
		{"a change is all or nothing", testAllOrNothing},
		{"a job is changed from the attempt it has", testJobGuard},
		{"an attempt ends once and has no gap before it", testAttempts},
		{"an end is final", testEndsAreFinal},
		{"numbers without order stay outside", testNonFinite},
		{"random histories leave the rows of a plain model", testModel},
		{"changes at the same time are each whole", testConcurrent},
		{"usage counts what ran", testUsage},
		{"the board is in the order of CompareTrials", testBoard},
		{"lists page completely", testLists},
		{"an answer is kept once for a key", testAnswers},
		{"trials page completely in every order and under every filter", testTrialOrders},
		{"cursors of elsewhere are refused", testBadCursors},
		{"what is unknown is not found", testNotFound},
		{"history keeps every improvement", testHistory},
		{"events of all sweeps come in the order of commits", testEventsAfter},
		{"a commit wakes those who wait", testChanged},
		{"reading sees whole changes while others write", testReadWhileWriting},
		{"datasets are found by name, version and source", testDatasets},
		{"a deleted dataset leaves what others refer to", testDeleteDataset},
		{"a dataset in use is not deleted", testDatasetInUse},
		{"workers are listed while they are heard of", testWorkers},
		{"a token reads back, and ends once", testTokens},
		{"a session ends with its token", testSessions},
		{"the audit keeps everything", testAudit},
		{"a directory has one holder", testOneHolder},
		{"what was committed is there after Close", testReopen},
		{"what was acknowledged survives a kill", testCrash},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, open)
		})
	}
}

func start(t testing.TB, open Opener) Store {
	t.Helper()
	s, err := open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// clean fails the test if the store finds fault with itself.
func clean(t testing.TB, s Store) {
	t.Helper()
	faults, err := s.Check(t.Context())
	must(t, err)
	for _, f := range faults {
		t.Error(f)
	}
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// spec returns a spec as it is stored: normalised.
func spec(t testing.TB, goal tourney.Goal) tourney.Spec {
	t.Helper()
	metric := map[tourney.Goal]string{tourney.Minimize: "logloss", tourney.Maximize: "accuracy"}[goal]
	s, err := tourney.ParseSpec(fmt.Appendf(nil, `
name: churn
dataset: churn@0123456789
trainer: linear
method: random
run_cap: 1000
seed: 7
metric: {name: %s, goal: %s}
early_terminate: {type: asha, min_iter: 1, max_iter: 27, eta: 3}
parameters:
  lr: {distribution: log_uniform_values, min: 0.001, max: 1}
  depth: {distribution: int_uniform, min: 1, max: 9}
  kind: {values: [a, b, 3, 0.5, true]}
`, metric, goal), "")
	must(t, err)
	return s
}

// creation is the first change of a sweep.
func creation(t testing.TB, id string, goal tourney.Goal) *tourney.Change {
	t.Helper()
	return &tourney.Change{
		Sweep: id,
		Create: &tourney.Sweep{
			ID: id, Spec: spec(t, goal), State: tourney.SweepCreated,
			Plan: tourney.Plan{Budget: 27, Weight: 1. / 32},
		},
		State:  tourney.SweepRunning,
		Events: []tourney.Event{{Sweep: id, Seq: 1, Body: tourney.Engine{Version: "1", Arch: "amd64"}}},
	}
}

func create(t testing.TB, s Store, id string, goal tourney.Goal) {
	t.Helper()
	must(t, s.Commit(t.Context(), creation(t, id, goal)))
}

func queuedTrial(sweep string, n int) tourney.Trial {
	return tourney.Trial{
		Sweep: sweep, Number: n, State: tourney.TrialQueued, Rung: -1,
		Params: tourney.Params{"lr": 0.25, "depth": int64(n), "kind": "a"},
	}
}

func queuedJob(sweep string, n, rung int) tourney.JobRow {
	return tourney.JobRow{
		JobID: tourney.JobID{Sweep: sweep, Trial: n, Rung: rung}, Kind: tourney.JobRung, Budget: 3,
		Start: int64(3 * n), Finish: int64(3*n + 3), State: tourney.JobQueued, New: true,
	}
}

// proposal proposes trial n with its first job, as event seq.
func proposal(sweep string, n int, seq int64) *tourney.Change {
	t := queuedTrial(sweep, n)
	return &tourney.Change{
		Sweep:  sweep,
		Events: []tourney.Event{{Sweep: sweep, Seq: seq, Body: tourney.Proposed{Trial: n, Params: t.Params}}},
		Trials: []tourney.Trial{t},
		Jobs:   []tourney.JobRow{queuedJob(sweep, n, 0)},
	}
}

// claim has a worker claim a queued job with the trial's next attempt.
func claim(s Store, t tourney.Trial, j tourney.JobRow, worker string) *tourney.Change {
	t.State, t.Attempts = tourney.TrialRunning, t.Attempts+1
	j.Was, j.New = j.Attempt, false
	j.State, j.Attempt, j.Worker, j.Claim = tourney.JobRunning, t.Attempts, worker, worker+"-claim"
	return &tourney.Change{
		Sweep: t.Sweep, Trials: []tourney.Trial{t}, Jobs: []tourney.JobRow{j},
		Attempts: []tourney.AttemptRow{{Token: tokenOf(s, j), Rung: j.Rung, Worker: worker, New: true}},
	}
}

func tokenOf(s Store, j tourney.JobRow) tourney.Token {
	return tourney.Token{Epoch: s.Epoch(), Sweep: j.Sweep, Trial: j.Trial, Attempt: j.Attempt}
}
