package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tourney"
	"tourney/worker/spot/spottest"
)

// workersOf lists the workers as a user does.
func workersOf(t *testing.T, url string) []tourney.Worker {
	t.Helper()
	var doc struct{ Workers []tourney.Worker }
	if err := json.Unmarshal([]byte(must(t, "worker", "list", "--json", "--server", url)), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Workers
}

// A worker that is told to leave in the middle of a sweep, by a signal, by its
// cloud or by a user, ends well, and says why; nothing counts against a trial,
// and another worker plays the sweep to its end.
func TestAWorkerLeaves(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags []string
		leave func(t *testing.T, p *process, cloud *spottest.Server, url, id string)
		want  tourney.Leave
	}{
		{"SIGTERM", nil, func(t *testing.T, p *process, _ *spottest.Server, _, _ string) {
			if err := p.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}, tourney.LeaveTerminated},
		{"aws", []string{"--spot", "aws"}, func(_ *testing.T, _ *process, cloud *spottest.Server, _, _ string) {
			cloud.Interrupt("terminate", time.Now().Add(2*time.Minute))
		}, tourney.LeavePreempted},
		{"drain", nil, func(t *testing.T, _ *process, _ *spottest.Server, url, id string) {
			must(t, "worker", "drain", id, "--server", url)
		}, tourney.LeaveDrained},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if testing.Short() && tt.name != "aws" {
				t.Skip("one of them is enough under the race detector")
			}
			cloud := spottest.New()
			defer cloud.Close()
			up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--data-dir", dir(t))
			url := up.url()
			id := strings.TrimSpace(must(t, "sweep", "create", "testdata/long.yaml", "--server", url))
			flags := append([]string{"worker", "--server", url, "--slots", "1", "--price-per-hour", "0.5", "--cache-dir", filepath.Join(t.TempDir(), "cache")}, tt.flags...)
			p := startWith(t, []string{"TOURNEY_TEST_METADATA=" + cloud.URL}, flags...)
			p.await("training on")
			for { // until it trains
				var page struct{ Items []tourney.Trial }
				if get(t.Context(), url+"/api/v1/sweeps/"+id+"/trials?limit=1", &page) && len(page.Items) > 0 && page.Items[0].State != tourney.TrialQueued {
					break
				}
			}
			list := workersOf(t, url)
			if len(list) != 1 || list[0].State != tourney.WorkerActive || list[0].PricePerHour != 0.5 {
				t.Fatalf("workers %+v", list)
			}
			if tt.name == "aws" && (list[0].Instance != "c7i.2xlarge" || !list[0].Spot) {
				t.Errorf("it runs on %+v", list[0].Machine)
			}
			tt.leave(t, p, cloud, url, list[0].ID)
			p.await(`left \(` + string(tt.want))
			if err := p.Wait(); err != nil {
				t.Errorf("it ended with %v", err)
			}
			for {
				if list = workersOf(t, url); list[0].State == tourney.WorkerLeft && list[0].Running == 0 {
					break
				}
			}
			if list[0].Reason != tt.want || list[0].Lost != 0 || list[0].Why == "" {
				t.Errorf("it is listed as %+v", list[0])
			}
			var sweep tourney.Sweep
			if !get(t.Context(), url+"/api/v1/sweeps/"+id, &sweep) || sweep.Counts[tourney.TrialRunning] > 0 && sweep.Spec.Order != tourney.OrderFixed || sweep.Counts[tourney.TrialFailed] > 0 {
				t.Errorf("the sweep stands at %+v", sweep.Counts)
			}
		})
	}
}

// A worker of another version is refused, and says why.
func TestAWorkerOfAnotherVersion(t *testing.T) {
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--data-dir", dir(t))
	old := startWith(t, []string{"TOURNEY_TEST_VERSION=0.1"}, "worker", "--server", up.url(), "--cache-dir", filepath.Join(t.TempDir(), "cache"))
	old.await(`version "0.1"`)
	if _ = old.Wait(); old.ProcessState.ExitCode() != 3 {
		t.Errorf("exit %d, want 3", old.ProcessState.ExitCode())
	}
}
