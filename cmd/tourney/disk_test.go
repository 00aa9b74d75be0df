package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tourney"
)

// mounted returns a directory on a file system of its own, of so many bytes.
func mounted(t *testing.T, size string) string {
	t.Helper()
	at := t.TempDir()
	if err := syscall.Mount("tmpfs", at, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return at
}

// fill takes all the room of a file system, and returns what gives it back.
func fill(t *testing.T, at string) (free func()) {
	t.Helper()
	name := filepath.Join(at, "ballast")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, n := range []int{1 << 16, 1 << 12} {
		for chunk := make([]byte, n); err == nil; {
			_, err = f.Write(chunk)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("fill the disk: %v", err)
		}
		err = nil
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// ask sends a request and returns the status and the body of the answer.
func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/yaml")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	if _, err := io.Copy(&text, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, text.String()
}

// untilStatus asks until the answer has that status.
func untilStatus(t *testing.T, url string, want int) string {
	t.Helper()
	got, text := 0, ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got, text = ask(t, http.MethodGet, url, ""); got == want {
			return text
		}
	}
	t.Fatalf("%s answers %d, want %d: %s", url, got, want, text)
	return ""
}

// While the coordinator's disk is full it says so, serves pages and takes nothing
// new; no trial fails. When there is room again it goes on by itself, nothing is
// lost, and the board is the same.
func TestCoordinatorsDiskFull(t *testing.T) {
	want := undisturbed(t, steady)
	disk := mounted(t, "192m")
	data := filepath.Join(disk, "data")
	c := start(t, "coordinator", "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--data-dir", data, "--lease", "2s")
	url := c.url()
	w := start(t, "worker", "--server", url, "--slots", "1", "--cache-dir", t.TempDir())
	id := strings.TrimSpace(must(t, "sweep", "create", steady, "--server", url))
	untilSweep(t, url, id, func(s tourney.Sweep) bool { return reports(s) >= 10 })
	free := fill(t, disk)
	w.await("the claim could not be committed|reports wait")
	if text := untilStatus(t, url+"/readyz", http.StatusServiceUnavailable); !strings.Contains(text, "full") && !strings.Contains(text, "space") {
		t.Errorf("/readyz does not say why: %s", text)
	}
	spec, err := os.ReadFile(steady)
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Replace(string(spec), "../../../examples/digits.csv", datasetOf(t, url, id), 1)
	known = strings.Replace(known, "target: digit\n", "", 1)
	// The log may have room for a few commits more.
	status, text := 0, ""
	for range 200 {
		if status, text = ask(t, http.MethodPost, url+"/api/v1/sweeps", known); status != http.StatusCreated {
			break
		}
	}
	if status != http.StatusServiceUnavailable && status != http.StatusInsufficientStorage {
		t.Errorf("a sweep is created with %d: %s", status, text)
	}
	var s tourney.Sweep
	if !get(t.Context(), url+"/api/v1/sweeps/"+id, &s) || s.State != tourney.SweepRunning {
		t.Errorf("the sweep is %s", s.State)
	}
	if status, text := ask(t, http.MethodGet, url+"/api/v1/sweeps/"+id+"/leaderboard", ""); status != http.StatusOK {
		t.Errorf("the leaderboard is answered with %d: %s", status, text)
	}
	free()
	untilStatus(t, url+"/readyz", http.StatusOK)
	s = untilSweep(t, url, id, func(s tourney.Sweep) bool { return s.State.Terminal() })
	if s.State != tourney.SweepCompleted || s.Counts[tourney.TrialFailed] > 0 {
		t.Errorf("the sweep is %s (%s), its trials %v", s.State, s.Reason, s.Counts)
	}
	sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", url), want)
	if code := c.terminate(); code != 0 {
		t.Errorf("the coordinator exits with %d", code)
	}
	proven(t, data, id)
}

// datasetOf returns the version of a sweep's dataset.
func datasetOf(t *testing.T, url, id string) string {
	t.Helper()
	var s struct{ Spec struct{ Dataset string } }
	if !get(t.Context(), url+"/api/v1/sweeps/"+id, &s) || s.Spec.Dataset == "" {
		t.Fatalf("sweep %s names no dataset", id)
	}
	return s.Spec.Dataset
}

// A worker whose disk is full gives its trials back and claims nothing, and no
// trial fails for that; with room again it goes on by itself.
func TestWorkersDiskFull(t *testing.T) {
	want := undisturbed(t, quick)
	disk, data := mounted(t, "8m"), dir(t)
	c := start(t, "coordinator", "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--data-dir", data, "--lease", "2s")
	url := c.url()
	w := start(t, "worker", "--server", url, "--slots", "1", "--cache-dir", filepath.Join(disk, "cache"))
	w.await("training on")
	free := fill(t, disk)
	id := strings.TrimSpace(must(t, "sweep", "create", quick, "--server", url))
	w.await("the disk is full")
	s := untilSweep(t, url, id, func(s tourney.Sweep) bool { return s.Counts[tourney.TrialRunning] == 0 })
	if s.Counts[tourney.TrialFailed] > 0 || reports(s) > 0 {
		t.Errorf("the trials of a worker without room are %v", s.Counts)
	}
	free()
	s = untilSweep(t, url, id, func(s tourney.Sweep) bool { return s.State.Terminal() })
	if s.State != tourney.SweepCompleted || s.Counts[tourney.TrialFailed] > 0 {
		t.Errorf("the sweep is %s (%s), its trials %v", s.State, s.Reason, s.Counts)
	}
	sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", url), want)
	if code := c.terminate(); code != 0 {
		t.Errorf("the coordinator exits with %d", code)
	}
	proven(t, data, id)
}
