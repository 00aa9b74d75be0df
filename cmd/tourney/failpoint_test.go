package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tourney"
	"tourney/blob"
	"tourney/coordinator"
	"tourney/failpoint"
	"tourney/store"
	"tourney/trainers"
)

// walked is a sweep that is over in about a second.
const walked = "testdata/walk.yaml"

// dieAt has this process kill itself where text says: NAME, or NAME:N for the Nth
// time that it passes there.
func dieAt(text string) {
	if text == "" {
		return
	}
	name, times, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(times, 10, 64)
	if err != nil {
		n = 1
	}
	var passed atomic.Int64
	failpoint.OnPass(func(p failpoint.Point) {
		if string(p) == name && passed.Add(1) >= n {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // nobody goes on from here
		}
	})
}

// dying is the environment of a process that dies at a point.
func dying(p failpoint.Point, n int) []string {
	return []string{fmt.Sprintf("TOURNEY_FAILPOINT=%s:%d", p, n)}
}

// died waits until a process has killed itself.
func (p *process) died() {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(60 * time.Second):
		p.t.Fatal("the process lives: it has not come to its point within a minute")
	}
	_ = p.Wait()
	if status, ok := p.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		p.t.Fatalf("the process ended by %v, and not at its point", p.ProcessState)
	}
}

// Every point at which a process may die is walked: it dies there, another takes
// its place, and the board is that of a run that nothing disturbed, byte for byte;
// what the directory holds is sound.
func TestFailpoints(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	walks := map[failpoint.Point]func(*testing.T, failpoint.Point){
		failpoint.SweepCommitted:   inCoordinator(1),
		failpoint.OfferTaken:       inCoordinator(2),
		failpoint.OfferPublished:   inCoordinator(2),
		failpoint.ClaimDecided:     inCoordinator(3),
		failpoint.ClaimCommitted:   inCoordinator(3),
		failpoint.ReportsTaken:     inCoordinator(3),
		failpoint.ReportsFolded:    inCoordinator(3),
		failpoint.ReportsCommitted: inCoordinator(3),
		failpoint.UploadStored:     inCoordinator(2),
		failpoint.CommitWritten:    inCoordinator(20),
		failpoint.CommitDone:       inCoordinator(20),
		failpoint.DatabaseBuilt:    walkBuild,
		failpoint.SweepResumed:     walkResume,
		failpoint.ActionDecided:    walkAction,
		failpoint.LeaseEnded:       walkLease,

		failpoint.WorkerClaimed:   inWorker(3),
		failpoint.WorkerAcked:     inWorker(3),
		failpoint.ShardFetched:    inWorker(1),
		failpoint.CheckpointPut:   inWorker(2),
		failpoint.ReportSent:      inWorker(3),
		failpoint.StateKept:       walkKept,
		failpoint.WorkerReleasing: walkLeave,
		failpoint.WorkerSilent:    walkLeave,

		failpoint.SliceDeleted: walkDeletion,
		failpoint.BlobDoomed:   walkCollection,
		failpoint.BlobDeleted:  walkCollection,
		failpoint.BackupBlob:   walkBackup,
		failpoint.BackupCopied: walkBackup,
		failpoint.RestoreBlob:  walkRestore,
		failpoint.EpochBegun:   walkRestore,
		failpoint.ShardStored:  walkIntake,
		failpoint.RowsDeleted:  walkRemoval,
	}
	undisturbed(t, walked)
	for _, p := range failpoint.All() {
		walk := walks[p]
		if walk == nil {
			t.Errorf("%s is a point that is not walked", p)
			continue
		}
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			walk(t, p)
		})
	}
	if len(walks) != len(failpoint.All()) {
		t.Errorf("%d points are walked, and there are %d", len(walks), len(failpoint.All()))
	}
}

// hike is a coordinator and one worker, while a point is walked.
type hike struct {
	t           *testing.T
	want        string // the board
	data, cache string
	args        []string
	coordinator *process
	url         string
	worker      *process
	id          string
}

// setOut starts a coordinator and a worker, each with more in its environment.
func setOut(t *testing.T, coordinator, worker []string) *hike {
	t.Helper()
	h := &hike{t: t, want: undisturbed(t, walked), data: dir(t), cache: t.TempDir()}
	addr := freePort(t)
	h.args = []string{"coordinator", "--data-dir", h.data, "--lease", "1s", "--log-level", "error", "--addr", addr, "--nats-listen", freePort(t)}
	h.url = "http://" + addr
	h.serve(coordinator...)
	h.work(worker...)
	return h
}

// serve starts a coordinator in place of the one that has died.
func (h *hike) serve(env ...string) {
	h.t.Helper()
	h.coordinator = startWith(h.t, env, h.args...)
	h.coordinator.url()
}

// work starts a worker in place of the one that has died.
func (h *hike) work(env ...string) {
	h.t.Helper()
	h.worker = startWith(h.t, env, "worker", "--server", h.url, "--slots", "1", "--cache-dir", h.cache, "--log-level", "error")
}

// create creates the sweep. The coordinator may die meanwhile, so that nobody
// hears whether there is one.
func (h *hike) create() {
	h.t.Helper()
	out, _, code := play(h.t, "sweep", "create", walked, "--server", h.url)
	if code == 0 {
		h.id = strings.TrimSpace(out)
	}
}

// underway waits until the sweep is in its middle.
func (h *hike) underway() {
	h.t.Helper()
	untilSweep(h.t, h.url, h.id, func(s tourney.Sweep) bool { return reports(s) >= 5 })
}

// arrive waits until the sweep has come to its end, and wants what it came to.
func (h *hike) arrive() {
	h.t.Helper()
	if h.id == "" {
		var list struct{ Items []tourney.Sweep }
		if !get(h.t.Context(), h.url+"/api/v1/sweeps", &list) || len(list.Items) != 1 {
			h.t.Fatalf("there are %d sweeps, want the one that was created", len(list.Items))
		}
		h.id = list.Items[0].ID
	}
	s := untilSweep(h.t, h.url, h.id, func(s tourney.Sweep) bool { return s.State.Terminal() })
	if s.State != tourney.SweepCompleted {
		h.t.Fatalf("the sweep is %s (%s)", s.State, s.Reason)
	}
	sameBoard(h.t, must(h.t, "sweep", "leaderboard", h.id, "--canonical", "--server", h.url), h.want)
	h.worker.kill()
	if code := h.coordinator.terminate(); code != 0 {
		h.t.Errorf("the coordinator exits with %d", code)
	}
	proven(h.t, h.data, h.id)
}

// inCoordinator walks a point at which a coordinator dies while a sweep is played,
// the nth time.
func inCoordinator(n int) func(*testing.T, failpoint.Point) {
	return func(t *testing.T, p failpoint.Point) {
		h := setOut(t, dying(p, n), nil)
		h.create()
		h.coordinator.died()
		h.serve()
		h.arrive()
	}
}

// inWorker is inCoordinator for workers.
func inWorker(n int) func(*testing.T, failpoint.Point) {
	return func(t *testing.T, p failpoint.Point) {
		h := setOut(t, nil, dying(p, n))
		h.create()
		h.worker.died()
		h.work()
		h.arrive()
	}
}

// A database that was being made is made anew.
func walkBuild(t *testing.T, p failpoint.Point) {
	first := startWith(t, dying(p, 1), "coordinator", "--data-dir", dir(t), "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0")
	first.died()
	data := first.Args[3]
	if _, err := os.Stat(filepath.Join(data, "tourney.db")); err == nil {
		t.Fatal("the database is there: the process died too late")
	}
	id := result(t, must(t, "run", walked, "--json", "--data-dir", data)).Sweep.ID
	sameBoard(t, canonicalBoard(t, data, id), undisturbed(t, walked))
	proven(t, data, id)
}

// A coordinator that begins again may die again.
func walkResume(t *testing.T, p failpoint.Point) {
	h := setOut(t, nil, nil)
	h.create()
	h.underway()
	h.coordinator.kill()
	startWith(t, dying(p, 1), h.args...).died()
	h.serve()
	h.arrive()
}

func walkAction(t *testing.T, p failpoint.Point) {
	h := setOut(t, dying(p, 1), nil)
	h.create()
	h.underway()
	if _, _, code := play(t, "sweep", "pause", h.id, "--server", h.url); code == 0 {
		t.Error("the pause is said to be committed")
	}
	h.coordinator.died()
	h.serve()
	h.arrive() // nothing was paused
}

func walkLease(t *testing.T, p failpoint.Point) {
	h := setOut(t, dying(p, 1), nil)
	h.create()
	h.underway()
	h.worker.kill()
	h.coordinator.died()
	h.serve()
	h.work()
	h.arrive()
}

// A worker keeps a state on disk only if it ends a trial while the coordinator is
// away, which is tried until it has.
func walkKept(t *testing.T, p failpoint.Point) {
	h := setOut(t, nil, dying(p, 1))
	h.create()
	h.underway()
	for alive := true; alive; {
		untilSweep(t, h.url, h.id, func(s tourney.Sweep) bool { return s.Counts[tourney.TrialRunning] > 0 || s.State.Terminal() })
		h.coordinator.kill()
		select {
		case <-h.worker.done:
			alive = false
		case <-time.After(5 * time.Second): // it had nothing to end
			h.serve()
		}
	}
	h.worker.died()
	h.serve()
	h.work()
	h.arrive()
}

func walkLeave(t *testing.T, p failpoint.Point) {
	h := setOut(t, nil, dying(p, 1))
	h.create()
	h.underway()
	if err := h.worker.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	h.worker.died()
	h.work()
	h.arrive()
}

// ended returns a data directory with two sweeps that have ended, and their ids;
// the second is the one that is walked.
func ended(t *testing.T) (data, other, id string) {
	t.Helper()
	data = dir(t)
	other = result(t, must(t, "run", quick, "--json", "--data-dir", data)).Sweep.ID
	id = result(t, must(t, "run", walked, "--json", "--data-dir", data)).Sweep.ID
	return data, other, id
}

// stands wants a sweep that has ended to be as it was.
func stands(t *testing.T, data, id string) {
	t.Helper()
	sameBoard(t, canonicalBoard(t, data, id), undisturbed(t, walked))
	proven(t, data, id)
}

// walkDeletion has a coordinator die while it deletes a sweep, in its fourth slice
// if there is one.
func walkDeletion(t *testing.T, p failpoint.Point) {
	data, other, id := ended(t)
	c := startWith(t, dying(p, 4), "coordinator", "--data-dir", data, "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0")
	if _, _, code := play(t, "sweep", "delete", other, "--yes", "--server", c.url()); code == 0 {
		t.Error("the deletion is said to be done")
	}
	c.died()
	stands(t, data, id) // which starts the coordinator, and that goes on
	r := openReader(t, data)
	if _, err := r.Sweep(t.Context(), other); err == nil {
		t.Error("the deleted sweep is there")
	}
}

// openReader opens a data directory that nobody uses.
func openReader(t *testing.T, data string) *store.Reader {
	t.Helper()
	r, err := store.OpenReadOnly(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// walkCollection has a process die while it removes what a deleted sweep leaves.
func walkCollection(t *testing.T, p failpoint.Point) {
	data, other, id := ended(t)
	c := start(t, "coordinator", "--data-dir", data, "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0")
	must(t, "sweep", "delete", other, "--yes", "--server", c.url())
	c.kill()
	later(t, data)
	before := blobsIn(t, data)
	collector := func(env ...string) *process {
		return startWith(t, append(env, "TOURNEY_TEST_MAIN=collect"), data)
	}
	collector(dying(p, 1)...).died()
	collector().await("collected")
	if after := blobsIn(t, data); after >= before {
		t.Errorf("%d of %d blobs are there after the collection", after, before)
	}
	stands(t, data, id)
}

// later has a data directory's uploads be of long ago, so that nobody tells of them
// any more.
func later(t *testing.T, data string) {
	t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(data, "tourney.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `UPDATE uploads SET at = 0`); err != nil {
		t.Fatal(err)
	}
}

// blobsIn counts the blobs of a data directory.
func blobsIn(t *testing.T, data string) int {
	t.Helper()
	d, err := blob.OpenDir(filepath.Join(data, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	n := 0
	if err := d.Walk(t.Context(), func(string, int64) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// collectMain collects blobs once, as a coordinator does every minute.
func collectMain(data string) int {
	err := func() error {
		ctx := context.Background()
		db, err := store.Open(ctx, data)
		if err != nil {
			return err
		}
		defer db.Close()
		blobs, err := openBlobs(ctx, "", data)
		if err != nil {
			return err
		}
		defer blobs.Close()
		log, err := newLogger("error", io.Discard)
		if err != nil {
			return err
		}
		_, err = coordinator.New(coordinator.Config{Store: db, Blobs: blobs, Trainers: trainers.Catalog{}, Log: log}).Collect(ctx)
		return err
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintln(os.Stderr, "collected")
	return 0
}

// walkBackup has a backup die: what it left is no backup, and the next one goes on
// with it.
func walkBackup(t *testing.T, p failpoint.Point) {
	data, _, id := ended(t)
	to := filepath.Join(t.TempDir(), "backup")
	startWith(t, dying(p, 1), "backup", to, "--data-dir", data).died()
	if _, _, code := play(t, "verify", to); code == 0 {
		t.Error("half a backup is taken for a whole one")
	}
	must(t, "backup", to, "--data-dir", data)
	proven(t, to, id)
	stands(t, data, id)
}

// walkRestore has a restore die: what it left is no data directory, and the next
// one goes on with it.
func walkRestore(t *testing.T, p failpoint.Point) {
	data, _, id := ended(t)
	backup, to := filepath.Join(t.TempDir(), "backup"), dir(t)
	must(t, "backup", backup, "--data-dir", data)
	startWith(t, dying(p, 1), "restore", backup, "--data-dir", to).died()
	if _, _, code := play(t, "verify", to); code == 0 {
		t.Error("half a restore is taken for a whole one")
	}
	must(t, "restore", backup, "--data-dir", to)
	stands(t, to, id)
}

// walkIntake has a coordinator die while it takes a table in.
func walkIntake(t *testing.T, p failpoint.Point) {
	data := dir(t)
	c := startWith(t, dying(p, 1), "coordinator", "--data-dir", data, "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0")
	add := []string{"dataset", "add", "digits", "../../examples/digits.csv", "--target", "digit", "--server"}
	if _, _, code := play(t, append(add, c.url())...); code == 0 {
		t.Error("the dataset is said to be there")
	}
	c.died()
	again := start(t, "coordinator", "--data-dir", data, "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0")
	must(t, append(add, again.url())...)
	again.terminate()
	if out := must(t, "verify", data); !strings.Contains(out, "0 problems") {
		t.Errorf("verify: %s", out)
	}
}

// walkRemoval has a coordinator die while it removes the rows of a deleted dataset.
func walkRemoval(t *testing.T, p failpoint.Point) {
	data := dir(t)
	c := startWith(t, dying(p, 1), "coordinator", "--data-dir", data, "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0")
	url := c.url()
	must(t, "dataset", "add", "digits", "../../examples/digits.csv", "--target", "digit", "--server", url)
	_, _, _ = play(t, "dataset", "delete", "digits", "--yes", "--server", url)
	c.died()
	again := start(t, "coordinator", "--data-dir", data, "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0")
	again.url()
	for deadline := time.Now().Add(time.Minute); blobsIn(t, data) > 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	again.terminate()
	if n := blobsIn(t, data); n > 0 {
		t.Errorf("%d blobs are left", n)
	}
	if out := must(t, "verify", data); !strings.Contains(out, "0 problems") {
		t.Errorf("verify: %s", out)
	}
}
