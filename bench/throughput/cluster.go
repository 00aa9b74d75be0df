package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cluster is a coordinator and its workers, a process each.
type cluster struct {
	program, dir string
	addr, nats   string // once they are known, so that a coordinator comes back at the same place
	url          string
	boss         *exec.Cmd
	workers      []*exec.Cmd
	client       http.Client
}

// workers is how many processes train.
const workers = 2

// launch starts a coordinator and workers on an empty data directory, with the
// table that trials are said to train on.
func launch(ctx context.Context, program, dir string) (_ *cluster, err error) {
	c := &cluster{program: program, dir: dir, addr: "127.0.0.1:0", client: http.Client{Timeout: 30 * time.Second}}
	// Workers come back to the address of the bus that they were given.
	free, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c.nats = free.Addr().String()
	if err := free.Close(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if err := c.startBoss(ctx); err != nil {
		return nil, err
	}
	table := filepath.Join(dir, "table.csv")
	rows := "x,y\n"
	for i := range 100 {
		rows += fmt.Sprintf("%d.5,%d.25\n", i%10, i)
	}
	if err := os.WriteFile(table, []byte(rows), 0o600); err != nil {
		return nil, err
	}
	if out, err := c.command(ctx, "dataset", "add", "table", table, "--target", "y", "--server", c.url).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("dataset add: %w: %s", err, out)
	}
	for range workers {
		if err := c.startWorker(ctx); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *cluster) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, c.program, args...) //nolint:gosec // the program that was just built
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

var httpAt = regexp.MustCompile(`http://(127\.0\.0\.1:\d+)`)

// startBoss starts the coordinator and waits until it says that it is ready.
func (c *cluster) startBoss(ctx context.Context) error {
	name := filepath.Join(c.dir, "coordinator.log")
	log, err := os.Create(name)
	if err != nil {
		return err
	}
	defer log.Close()
	c.boss = c.command(ctx, "coordinator", "--addr", c.addr, "--nats-listen", c.nats, "--data-dir", c.data(), "--log-level", "warn", "--pprof")
	c.boss.Stdout, c.boss.Stderr = log, log
	if err := c.boss.Start(); err != nil {
		return fmt.Errorf("%w; make bench-throughput builds it", err)
	}
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		said, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if at := httpAt.FindStringSubmatch(string(said)); at != nil {
			c.addr, c.url = at[1], at[0]
			break
		}
	}
	if c.url == "" {
		return errors.New("the coordinator did not say its address")
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(2 * time.Millisecond) {
		if err := c.call(ctx, http.MethodGet, "/readyz", "", nil, nil); err == nil {
			return nil
		} else if time.Now().After(deadline) {
			return fmt.Errorf("the coordinator is not ready: %w", err)
		}
	}
}

func (c *cluster) startWorker(ctx context.Context) error {
	log, err := os.Create(filepath.Join(c.dir, fmt.Sprintf("worker%d.log", len(c.workers))))
	if err != nil {
		return err
	}
	defer log.Close()
	w := c.command(ctx, "worker", "--server", c.url, "--slots", "1", "--cache-dir", filepath.Join(c.dir, fmt.Sprintf("cache%d", len(c.workers))))
	w.Stdout, w.Stderr = log, log
	if err := w.Start(); err != nil {
		return err
	}
	c.workers = append(c.workers, w)
	return nil
}

// kill ends the coordinator without notice.
func (c *cluster) kill() error {
	if err := c.boss.Process.Kill(); err != nil {
		return err
	}
	_ = c.boss.Wait() // it was killed
	c.boss = nil
	return nil
}

// close ends all processes.
func (c *cluster) close() error {
	var errs []error
	for _, w := range c.workers {
		_ = w.Process.Kill() // it may have ended
		_ = w.Wait()
	}
	c.workers = nil
	if c.boss != nil {
		errs = append(errs, c.boss.Process.Signal(syscall.SIGTERM))
		errs = append(errs, c.boss.Wait())
		c.boss = nil
	}
	return errors.Join(errs...)
}

// call sends a request and reads the answer into v, if it is not nil.
func (c *cluster) call(ctx context.Context, method, path, contentType string, body []byte, v any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		text, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if v == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(v)
}

// status is what is seen of a sweep.
type status struct {
	ID     string         `json:"id"`
	State  string         `json:"state"`
	Reason string         `json:"reason"`
	Counts map[string]int `json:"counts"`
	Best   *struct{ Value float64 }
}

func (s *status) done() int { return s.Counts["completed"] }

const sweepFile = `name: %s
dataset: table
trainer: noop
method: random
metric: {name: rmse, goal: minimize}
run_cap: %d
parallelism: %d
order: %s
seed: %d
parameters:
  lr: {distribution: log_uniform_values, min: 0.00001, max: 0.1}
  wd: {distribution: uniform, min: -10, max: 10}
  layers: {distribution: int_uniform, min: 1, max: 16}
  opt: {values: [a, b, c]}
%s`

// create creates a sweep.
func (c *cluster) create(ctx context.Context, name, order string, trials, parallelism, seed int, more string) (status, error) {
	var s status
	err := c.call(ctx, http.MethodPost, "/api/v1/sweeps", "application/yaml", fmt.Appendf(nil, sweepFile, name, trials, parallelism, order, seed, more), &s)
	return s, err
}

// await looks at a sweep until it says stop.
func (c *cluster) await(ctx context.Context, id string, every time.Duration, stop func(status) bool) (status, error) {
	for {
		var s status
		if err := c.call(ctx, http.MethodGet, "/api/v1/sweeps/"+id, "", nil, &s); err != nil {
			return s, err
		}
		if s.State == "failed" || s.State == "cancelled" {
			return s, fmt.Errorf("sweep %s is %s: %s", id, s.State, s.Reason)
		}
		if stop(s) {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(every):
		}
	}
}

// processTime returns the time that processors have spent on the coordinator and
// its workers, in seconds.
func (c *cluster) processTime() (float64, error) {
	const ticks = 100 // a second: what the kernel counts for programs in
	total := 0.0
	for _, p := range append([]*exec.Cmd{c.boss}, c.workers...) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
		if err != nil {
			return 0, err
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // the name before it may hold anything
		for _, at := range []int{11, 12} {                                        // utime and stime
			n, err := strconv.ParseFloat(fields[at], 64)
			if err != nil {
				return 0, err
			}
			total += n / ticks
		}
	}
	return total, nil
}

// memory returns the resident memory of the coordinator, in bytes.
func (c *cluster) memory() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.boss.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb * 1024, err
		}
	}
	return 0, errors.New("the kernel does not say how much memory the coordinator has")
}
