package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	batch   = 10 // trials asked for, and told, at a time, beside readers
	readers = 64 // connections that read
	players = 16 // that ask and tell
	page    = 20 // trials of a read of the board
)

const sweepFile = `name: bench
trainer: external
method: random
metric: {name: loss, goal: minimize}
run_cap: 2000000
parallelism: 1024
order: arrival
parameters:
  x: {distribution: uniform, min: 0, max: 1}
  y: {distribution: log_uniform_values, min: 0.001, max: 1}
`

// load sends requests to a server.
type load struct {
	url, sweep string
	client     *http.Client
}

func newLoad(url string) *load {
	return &load{url: url, client: &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: readers + players, DisableCompression: true},
	}}
}

// measured is what a round came to; durations in seconds.
type measured struct {
	seconds float64
	trials  float64   // completed a second
	reads   []float64 // from when each was due to its last byte
	asks    []float64 // from when the request was sent
	tells   []float64 // likewise: the answer comes after the commit
}

func (m measured) String() string {
	return fmt.Sprintf("%.0f trials/s, tells p99 %.1f ms, asks p99 %.1f ms; %.0f reads/s, p99 %.1f ms", m.trials, 1000*quantile(m.tells, 0.99),
		1000*quantile(m.asks, 0.99), float64(len(m.reads))/m.seconds, 1000*quantile(m.reads, 0.99))
}

// call sends a request and reads the answer into v, if it is not nil.
func (l *load) call(ctx context.Context, method, path, contentType string, body []byte, v any) error {
	req, err := http.NewRequestWithContext(ctx, method, l.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := l.client.Do(req)
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

// create creates the sweep.
func (l *load) create(ctx context.Context) error {
	var sweep struct{ ID string }
	if err := l.call(ctx, http.MethodPost, "/api/v1/sweeps", "application/yaml", []byte(sweepFile), &sweep); err != nil {
		return err
	}
	l.sweep = "/api/v1/sweeps/" + sweep.ID
	return nil
}

// round plays trials for a time, with readers or without.
func (l *load) round(ctx context.Context, last time.Duration, read bool) (measured, error) {
	var m measured
	var mu sync.Mutex
	var first error
	keep := func(err error, f func()) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil && first == nil {
			first = err
		}
		if err == nil {
			f()
		}
	}
	start := time.Now()
	done := 0
	var group sync.WaitGroup
	play := l.paced(&group, players, last, trialRate/batch, func(time.Time) {
		asked, told, n, err := l.play(ctx, batch)
		keep(err, func() { m.asks, m.tells, done = append(m.asks, asked), append(m.tells, told), done+n })
	})
	var watch func()
	if read {
		watch = l.paced(&group, readers, last, readRate, func(due time.Time) {
			err := l.call(ctx, http.MethodGet, fmt.Sprintf("%s/leaderboard?limit=%d", l.sweep, page), "", nil, nil)
			keep(err, func() { m.reads = append(m.reads, time.Since(due).Seconds()) })
		})
	}
	group.Go(play)
	if watch != nil {
		group.Go(watch)
	}
	group.Wait()
	m.seconds = time.Since(start).Seconds()
	m.trials = float64(done) / m.seconds
	return m, first
}

// alone plays trials one by one for a time: so many calls a second, half of
// them asks.
func (l *load) alone(ctx context.Context, last time.Duration) (measured, error) {
	var m measured
	var mu sync.Mutex
	var first error
	var group sync.WaitGroup
	start := time.Now()
	group.Go(l.paced(&group, players, last, callRate/2, func(time.Time) {
		asked, told, n, err := l.play(ctx, 1)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			first = err
			return
		}
		m.asks, m.tells, m.trials = append(m.asks, asked), append(m.tells, told), m.trials+float64(n)
	}))
	group.Wait()
	m.seconds = time.Since(start).Seconds()
	m.trials /= m.seconds
	return m, first
}

// paced starts n goroutines that do what falls due, and returns what makes it
// fall due: so often a second, whether they keep up or not.
func (l *load) paced(group *sync.WaitGroup, n int, last time.Duration, rate int, do func(due time.Time)) func() {
	queue := make(chan time.Time, int(last.Seconds()*float64(rate))+1)
	for range n {
		group.Go(func() {
			for due := range queue {
				do(due)
			}
		})
	}
	return func() {
		defer close(queue)
		start := time.Now()
		for i := 0; ; i++ {
			due := start.Add(time.Duration(i) * time.Second / time.Duration(rate))
			if due.Sub(start) >= last {
				return
			}
			time.Sleep(time.Until(due))
			queue <- due
		}
	}
}

// play asks for most trials and tells their values at once.
func (l *load) play(ctx context.Context, most int) (asked, told float64, n int, err error) {
	var answer struct {
		Trials []struct {
			Token  string
			Params struct{ X, Y float64 }
		}
	}
	start := time.Now()
	if err := l.call(ctx, http.MethodPost, l.sweep+"/ask", "application/json", fmt.Appendf(nil, `{"count":%d}`, most), &answer); err != nil {
		return 0, 0, 0, err
	}
	asked = time.Since(start).Seconds()
	tells := make([]string, len(answer.Trials))
	for i, t := range answer.Trials {
		tells[i] = fmt.Sprintf(`{"token":%q,"value":%g}`, t.Token, (t.Params.X-0.3)*(t.Params.X-0.3)+t.Params.Y)
	}
	if len(tells) == 0 {
		return 0, 0, 0, fmt.Errorf("there was nothing to ask for")
	}
	start = time.Now()
	err = l.call(ctx, http.MethodPost, l.sweep+"/tell", "application/json", []byte(`{"tells":[`+strings.Join(tells, ",")+`]}`), nil)
	return asked, time.Since(start).Seconds(), len(tells), err
}
