package coordinator_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/coordinator"
)

// The protocol between coordinator and workers is played here in virtual time,
// a seed a history: the coordinator and its database are the real ones; the bus
// loses, doubles and reorders, workers die, stand still and come back, the
// coordinator dies, and all that was on the bus is lost. Afterwards the board
// is that of a run in which nothing happened, and every invariant holds.
//
// SIMULATIONS says how many seeds are played.
func TestSimulation(t *testing.T) {
	seeds := 1000
	if n, err := strconv.Atoi(os.Getenv("SIMULATIONS")); err == nil {
		seeds = n
	} else if testing.Short() {
		seeds = 30
	}
	want := calmBoard(t)
	var mu sync.Mutex
	var sum faults
	var group sync.WaitGroup
	next := make(chan uint64)
	for range 4 {
		group.Go(func() {
			for seed := range next {
				got, problems := simulate(t, seed, intact)
				if len(problems) == 0 && got.board != want {
					problems = append(problems, "the board is\n"+got.board+"want\n"+want)
				}
				if len(problems) > 0 {
					t.Errorf("seed %d: %s", seed, strings.Join(problems, "; "))
				}
				mu.Lock()
				sum.add(got.faults)
				mu.Unlock()
			}
		})
	}
	for seed := range uint64(seeds) {
		next <- seed
	}
	close(next)
	group.Wait()
	t.Logf("%d histories: %+v", seeds, sum)
	if sum.Kills == 0 || sum.Zombies == 0 || sum.Crashes == 0 || sum.Wipes == 0 || sum.Fenced == 0 || sum.Relayed == 0 {
		t.Error("some fault did not happen at all: nothing is proved of it")
	}
}

// A simulation that finds nothing in a protocol that is broken proves nothing of
// one that is not.
func TestSimulationFindsWhatIsBroken(t *testing.T) {
	for _, m := range []mutation{noFence, ownerIsFence, noReconciler, threeDeliveries, preemptionFails} {
		t.Run(string(m), func(t *testing.T) {
			want := calmBoard(t)
			for seed := range uint64(600) {
				got, problems := simulate(t, seed, m)
				if len(problems) > 0 || got.board != want {
					t.Logf("found with seed %d: %.300s", seed, strings.Join(append(problems, "another board"), "; "))
					return
				}
			}
			t.Error("600 histories found nothing wrong")
		})
	}
}

// mutation is a way in which the protocol is broken on purpose.
type mutation string

const (
	intact          mutation = ""
	noFence         mutation = "reports count whatever their attempt"
	ownerIsFence    mutation = "reports count if they come from the current owner"
	noReconciler    mutation = "what was offered once is not offered again"
	threeDeliveries mutation = "an offer is delivered three times at most, and not offered again"
	preemptionFails mutation = "a preemption is a failure"
)

// simulated is a sweep with promotions, and more trials at a time than the
// fleet trains.
func simulated(s *tourney.Spec) {
	asha(s)
	s.RunCap, s.Parallelism = 18, 8
}

// calmBoard is what every history has to come to.
func calmBoard(t *testing.T) string {
	t.Helper()
	d := openDesk(t, simulationDir(t))
	defer d.close()
	s := d.create(simulated)
	rng := rand.New(rand.NewPCG(0, 0))
	for !d.sweep(s.ID).State.Terminal() {
		for _, id := range d.queued(s.ID) {
			for _, g := range d.claim("w", strconv.FormatUint(rng.Uint64(), 36), id) {
				e := done(g)
				v := trained(&g.Job, start(&g.Job), 0)
				*e.End.Value, e.End.Metrics = v, tourney.Metrics{"rmse": v}
				d.report("w", e)
			}
		}
	}
	return d.board(s.ID)
}

// simulationDir is a directory in memory where there is such a thing.
func simulationDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "simulation-") //nolint:usetesting // there no write waits for a disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// start is the state of a trial before its first step.
func start(j *tourney.Job) uint64 {
	x, _ := j.Params.Float("x", 0)
	return uint64(x*1e15) + j.Seed
}

// advance is one step of training.
func advance(state uint64, step int) uint64 {
	return state*6364136223846793005 + uint64(step) + 1442695040888963407
}

// trained is the value of a job that goes on from a state: a wrong resumption
// gives another one.
func trained(j *tourney.Job, state uint64, from int) float64 {
	for step := from; step < j.Budget; step++ {
		state = advance(state, step)
	}
	return float64(state>>11) / (1 << 53) / float64(j.Budget)
}

// faults counts what has happened.
type faults struct{ Kills, Notices, Zombies, Crashes, Wipes, Lost, Late, Doubled, Fenced, Relayed int }

func (f *faults) add(o faults) {
	f.Kills += o.Kills
	f.Notices += o.Notices
	f.Zombies += o.Zombies
	f.Crashes += o.Crashes
	f.Wipes += o.Wipes
	f.Lost += o.Lost
	f.Late += o.Late
	f.Doubled += o.Doubled
	f.Fenced += o.Fenced
	f.Relayed += o.Relayed
}

// history is what a simulation came to.
type history struct {
	board string
	faults
}

// simulate plays one seed, and returns what is wrong with it.
func simulate(t *testing.T, seed uint64, m mutation) (h history, problems []string) {
	dir := simulationDir(t)
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, dir: dir, mutation: m, rng: rand.New(rand.NewPCG(seed, 21)), blobs: map[string]state{},
			offered: map[tourney.JobID]int{}, ended: map[tourney.Token]bool{}, committed: map[tourney.Token]bool{}, workers: map[string]*simWorker{},
		}
		h, problems = w.play()
	})
	_ = os.RemoveAll(dir)
	return h, problems
}

// state is what a checkpoint holds.
type state struct {
	step  int
	state uint64
}

// The times of a simulation.
const (
	simLease  = 4 * time.Second
	simChaos  = 25 * time.Second // faults happen for so long
	simPeace  = 10 * time.Minute // in which all has to end
	simFleet  = 5
	simSlots  = 2
	simRoom   = 40 // offers a worker is told of at a time
	simPrefix = "sim-"
)

// world is a bus, a coordinator and workers.
type world struct {
	t        *testing.T
	dir      string
	mutation mutation
	alive    context.Context
	group    sync.WaitGroup
	sweep    string

	mu        sync.Mutex
	rng       *rand.Rand
	calm      bool
	desk      *desk // nil: the coordinator is down
	calls     sync.WaitGroup
	offers    []offer
	reports   []tourney.Incoming
	offered   map[tourney.JobID]int // attempts there were when a job was offered; of broken reconcilers
	blobs     map[string]state
	workers   map[string]*simWorker
	spawned   int
	ended     map[tourney.Token]bool // attempts whose workers have sent that they are done
	committed map[tourney.Token]bool // ends that their workers were told to be safe
	faults    faults
}

type offer struct {
	jobs      []tourney.JobID
	delivered int
}

func (w *world) play() (history, []string) {
	alive, stop := context.WithCancel(context.Background())
	w.alive = alive
	w.up()
	w.sweep = w.desk.create(simulated).ID
	fleet := simFleet
	if w.mutation == ownerIsFence {
		fleet = 1 // who alone gets again what it has lost
	}
	for range fleet {
		w.spawn()
	}
	w.group.Go(w.recorder)
	w.chaos()
	deadline := time.Now().Add(simPeace)
	for !w.desk.sweep(w.sweep).State.Terminal() && time.Now().Before(deadline) {
		time.Sleep(time.Second)
	}
	stop()
	w.group.Wait()
	problems := w.judge()
	h := history{board: w.desk.board(w.sweep), faults: w.faults}
	w.desk.close()
	return h, problems
}

// chance reports true that often, and never in peace.
func (w *world) chance(p float64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.calm && w.rng.Float64() < p
}

func (w *world) between(low, high time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return low + time.Duration(w.rng.Int64N(int64(high-low)))
}

// sleep reports false if the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// up starts the coordinator.
func (w *world) up() {
	d := openDeskWith(w.t, w.dir, simLease, w)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.desk = d
}

// chaos lets things happen until it is enough.
func (w *world) chaos() {
	for began := time.Now(); time.Since(began) < simChaos && !w.desk.sweep(w.sweep).State.Terminal(); {
		time.Sleep(w.between(50*time.Millisecond, 900*time.Millisecond))
		w.mu.Lock()
		u, victim := w.rng.Float64(), w.anyone()
		w.mu.Unlock()
		switch {
		case w.mutation == preemptionFails && u < 0.6 && victim != nil: // what it takes to be found
			victim.notice()
		case w.mutation == ownerIsFence: // it has to work in between
			if u < 0.12 && victim != nil {
				victim.pause(w.between(simLease, 2*simLease))
			}
		case u < 0.30 && victim != nil:
			w.faults.Kills++
			w.kill(victim)
		case u < 0.40 && victim != nil:
			w.faults.Notices++
			victim.notice()
		case u < 0.80 && victim != nil:
			w.faults.Zombies++
			victim.pause(w.between(simLease, 3*simLease))
		case u < 0.88:
			w.faults.Crashes++
			w.crash()
		case u < 0.93:
			w.faults.Wipes++
			w.mu.Lock()
			w.offers, w.reports = nil, nil
			w.mu.Unlock()
		}
	}
	w.mu.Lock()
	w.calm = true
	w.mu.Unlock()
}

// crash kills the coordinator and starts it again some time later.
func (w *world) crash() {
	w.mu.Lock()
	d := w.desk
	w.desk = nil
	w.mu.Unlock()
	d.cancel() // in the middle of whatever it does
	w.calls.Wait()
	d.close()
	time.Sleep(w.between(300*time.Millisecond, 2*time.Second))
	w.up()
}

// anyone returns some worker. The caller holds mu.
func (w *world) anyone() *simWorker {
	if len(w.workers) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(w.workers))
	return w.workers[ids[w.rng.IntN(len(ids))]]
}

// judge says what is wrong at the end.
func (w *world) judge() (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if s := w.desk.sweep(w.sweep); s.State != tourney.SweepCompleted {
		bad("the sweep is %s (%s), its trials %v", s.State, s.Reason, s.Counts)
	}
	var tokens []tourney.Token
	for n := range w.spec().RunCap {
		trial, err := w.desk.db.Trial(w.t.Context(), w.sweep, n)
		if err != nil {
			bad("trial %d: %v", n, err)
			continue
		}
		for a := range trial.Attempts {
			tokens = append(tokens, tourney.Token{Epoch: w.desk.db.Epoch(), Sweep: w.sweep, Trial: n, Attempt: a + 1})
		}
	}
	outcomes, err := w.desk.db.Outcomes(w.t.Context(), tokens)
	if err != nil {
		bad("outcomes: %v", err)
	}
	for token, outcome := range outcomes {
		if outcome == tourney.OutcomeDone && !w.ended[token] {
			bad("attempt %d of trial %d was ended by another one's report", token.Attempt, token.Trial)
		}
	}
	for token := range w.ended {
		if outcomes[token] != tourney.OutcomeDone {
			w.faults.Fenced++
		}
	}
	for token := range w.committed {
		if _, known := outcomes[token]; !known {
			bad("the end of attempt %d of trial %d was called safe and is gone", token.Attempt, token.Trial)
		}
	}
	v, err := coordinator.Verify(w.t.Context(), w.desk.db, w)
	if err != nil {
		bad("verify: %v", err)
	}
	return append(problems, v.Problems...)
}

func (w *world) spec() tourney.Spec { return spec(simulated) }

// Verify makes the world the blobs that are there.
func (w *world) Verify(_ context.Context, hash string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.blobs[hash]; ok || hash == table.Version || hash == sealedBlob {
		return nil
	}
	return tourney.ErrNotFound
}

// put stores a checkpoint.
func (w *world) put(s state) tourney.Checkpoint {
	hash := sha256.Sum256(fmt.Append(nil, s))
	name := hex.EncodeToString(hash[:])
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blobs[name] = s
	return tourney.Checkpoint{Blob: name, Size: 1, Step: s.step}
}
