package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tourney"
	"tourney/cmd/internal/fleet"
	"tourney/dataset/sql"
	supervised "tourney/worker/process"
)

// TestMain makes the test binary a tourney: started with TOURNEY_TEST_MAIN set,
// it is the program, or a NATS server, so that tests kill real processes, also under
// the race detector. That program starts itself as the SQL engine, and to look after
// the programs of trials.
func TestMain(m *testing.M) {
	sql.Main()
	supervised.Main()
	dieAt(os.Getenv("TOURNEY_FAILPOINT"))
	switch os.Getenv("TOURNEY_TEST_MAIN") {
	case "1":
		fleet.MetadataURL, version = os.Getenv("TOURNEY_TEST_METADATA"), os.Getenv("TOURNEY_TEST_VERSION")
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	case "collect":
		os.Exit(collectMain(os.Args[1]))
	case "nats-server":
		os.Exit(natsServerMain(os.Args[1:]))
	case "nats":
		os.Exit(natsMain(os.Args[1], os.Args[2]))
	}
	os.Exit(m.Run())
}

// command returns a tourney that has not been started.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), "TOURNEY_TEST_MAIN=1", "TERM=dumb")
	return cmd
}

// play runs a tourney to its end and returns what it said.
func play(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := command(t, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// must is play of a command that has to succeed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := play(t, args...)
	if code != 0 {
		t.Fatalf("tourney %s: exit %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// process is a tourney that stays up.
type process struct {
	*exec.Cmd
	t     *testing.T
	lines chan string // of stderr
	done  chan struct{}
	mu    sync.Mutex
	log   strings.Builder
}

// start starts a tourney. It is killed at the test's end, and if the test has
// failed its log is shown.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startWith(t, nil, args...)
}

// startWith is start with more in the environment.
func startWith(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: command(t, args...), t: t, lines: make(chan string, 4096), done: make(chan struct{})}
	p.Env = append(p.Env, env...)
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		for sc := bufio.NewScanner(stderr); sc.Scan(); {
			p.mu.Lock()
			fmt.Fprintln(&p.log, sc.Text())
			p.mu.Unlock()
			select {
			case p.lines <- sc.Text():
			default:
			}
		}
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("tourney %s:\n%s", strings.Join(args, " "), p.log.String())
		}
	})
	return p
}

// kill ends the process as a spot instance ends: at once.
func (p *process) kill() {
	if p.ProcessState == nil {
		_ = p.Process.Kill()
		<-p.done
		_ = p.Wait()
	}
}

// terminate asks the process to end and returns its exit code.
func (p *process) terminate() int {
	p.t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	<-p.done
	_ = p.Wait()
	return p.ProcessState.ExitCode()
}

// said returns what the process has said so far.
func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// await returns the first match in what the process says.
func (p *process) await(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	timeout := time.After(60 * time.Second)
	for {
		select {
		case line := <-p.lines:
			if m := re.FindString(line); m != "" {
				return m
			}
		case <-p.done:
			for len(p.lines) > 0 {
				if m := re.FindString(<-p.lines); m != "" {
					return m
				}
			}
			p.t.Fatalf("the process ended before it said %q", pattern)
		case <-timeout:
			p.t.Fatalf("the process did not say %q within a minute", pattern)
		}
	}
}

// url awaits the address of a server.
func (p *process) url() string {
	p.t.Helper()
	return p.await(`http://127\.0\.0\.1:\d+`)
}

// get reads JSON from a server; false if it does not answer.
func get(ctx context.Context, url string, into any) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK && json.Unmarshal(data, into) == nil
}

// until polls a sweep until what is asked holds.
func untilSweep(t *testing.T, url, id string, holds func(tourney.Sweep) bool) tourney.Sweep {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var s tourney.Sweep
		if get(t.Context(), url+"/api/v1/sweeps/"+id, &s) && holds(s) {
			return s
		}
	}
	t.Fatalf("sweep %s did not get there within two minutes", id)
	return tourney.Sweep{}
}

// reports counts the trials that have got somewhere.
func reports(s tourney.Sweep) int {
	return total(s.Counts) - s.Counts[tourney.TrialQueued] - s.Counts[tourney.TrialRunning]
}

// dir returns a fresh data directory.
func dir(t *testing.T) string { return filepath.Join(t.TempDir(), "data") }
