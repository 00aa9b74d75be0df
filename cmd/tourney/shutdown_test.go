package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"tourney"
)

// toySweep is a sweep file of a name, over a dataset that is there.
func toySweep(name string) string {
	return fmt.Sprintf("name: %s\ndataset: toy\ntrainer: linear\nmethod: random\nrun_cap: 2\nparameters:\n  learning_rate: {min: 0.01, max: 0.1}\n", name)
}

// addToy registers a small dataset.
func addToy(t *testing.T, url string) {
	t.Helper()
	var table strings.Builder
	table.WriteString("x,y\n")
	for i := range 100 {
		fmt.Fprintf(&table, "%d,%d\n", i, i%2)
	}
	resp, err := http.Post(url+"/api/v1/datasets?name=toy&target=y", "text/csv", strings.NewReader(table.String()))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatal(resp.Status)
	}
}

// post creates a sweep; the id is empty if it was refused.
func post(url, name string) (id string, err error) {
	req, err := http.NewRequest(http.MethodPost, url+"/api/v1/sweeps", strings.NewReader(toySweep(name)))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/yaml")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	switch resp.StatusCode {
	case http.StatusCreated:
		_, rest, _ := strings.Cut(string(body), `"id":"`)
		id, _, _ = strings.Cut(rest, `"`)
		return id, nil
	case http.StatusServiceUnavailable:
		return "", nil
	}
	return "", fmt.Errorf("%s: %s", resp.Status, body)
}

// A server that is asked to end while requests come answers what it has taken:
// each sweep that was answered is there when it starts again, and no sweep is
// there that was not.
func TestShutdownLosesNoRequest(t *testing.T) {
	data := dir(t)
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", data)
	url := up.url()
	addToy(t, url)
	var mu sync.Mutex
	answered := map[string]string{} // ids by name
	var senders sync.WaitGroup
	enough := make(chan bool)
	for sender := range 8 {
		senders.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("n%d-%d", sender, i)
				id, err := post(url, name)
				if err != nil {
					return // the server is gone
				}
				mu.Lock()
				if id != "" {
					answered[name] = id
				}
				if len(answered) == 40 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	if code := up.terminate(); code != 0 {
		t.Errorf("exit %d", code)
	}
	senders.Wait()
	again := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", data)
	url = again.url()
	there := map[string]string{}
	for cursor := ""; ; {
		var page struct {
			Items []tourney.Sweep
			Next  string
		}
		if !get(t.Context(), url+"/api/v1/sweeps?limit=1000&cursor="+cursor, &page) {
			t.Fatal("the list cannot be read")
		}
		for i := range page.Items {
			there[page.Items[i].Spec.Name] = page.Items[i].ID
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	for name, id := range answered {
		if there[name] != id {
			t.Errorf("%s was answered with %s, and there is %q", name, id, there[name])
		}
	}
	for name := range there {
		if answered[name] == "" {
			t.Errorf("%s is there, and nobody was told", name)
		}
	}
}

// readEvents reads events of a stream until there are most of them or it ends,
// and returns their ids.
func readEvents(ctx context.Context, url, last string, most int) ([]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/v1/events", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Last-Event-ID", last)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var ids []string
	id := ""
	for lines := bufio.NewScanner(resp.Body); len(ids) < most && lines.Scan(); {
		value, isID := strings.CutPrefix(lines.Text(), "id: ")
		switch {
		case isID:
			id = value
		case lines.Text() == "":
			id = "" // what has none is no event of the log
		case strings.HasPrefix(lines.Text(), "data: ") && id != "":
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// A reader whose server ends and starts again goes on where it was: it sees
// each event once, in order, as one that reads them all afterwards.
func TestEventsGoOnAfterARestart(t *testing.T) {
	data := dir(t)
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", data)
	url := up.url()
	addToy(t, url)
	var seen []string
	last := "0"
	const restarts, sweeps = 2, 3
	for round := range restarts + 1 {
		read := make(chan []string)
		go func() {
			ids, _ := readEvents(t.Context(), url, last, 1<<30) // to the server's end
			read <- ids
		}()
		for i := range sweeps {
			if id, err := post(url, fmt.Sprintf("r%d-%d", round, i)); err != nil || id == "" {
				t.Fatalf("create: %q %v", id, err)
			}
		}
		if code := up.terminate(); code != 0 {
			t.Errorf("exit %d", code)
		}
		if ids := <-read; len(ids) > 0 {
			seen, last = append(seen, ids...), ids[len(ids)-1]
		}
		up = start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", data)
		url = up.url()
	}
	// At least two events a sweep: its creation, and that it runs.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var newest int64
	var page struct{ Items []tourney.Sweep }
	if !get(ctx, url+"/api/v1/sweeps", &page) || len(page.Items) != (restarts+1)*sweeps {
		t.Fatalf("there are %d sweeps", len(page.Items))
	}
	for i := range page.Items {
		newest = max(newest, page.Items[i].Cursor)
	}
	until := func(from string) []string {
		var ids []string
		for from != strconv.FormatInt(newest, 10) {
			next, err := readEvents(ctx, url, from, 1)
			if err != nil || len(next) != 1 {
				t.Fatalf("after %s: %v %v", from, next, err)
			}
			ids, from = append(ids, next...), next[0]
		}
		return ids
	}
	seen = append(seen, until(last)...)
	if all := until("0"); strings.Join(seen, " ") != strings.Join(all, " ") || len(all) < 2*len(page.Items) {
		t.Errorf("seen %d events\n%v\nthere are %d\n%v", len(seen), seen, len(all), all)
	}
}

// What watches over a server finds its work, and an autoscaler what it lacks.
func TestMetricsOfAServer(t *testing.T) {
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	url := up.url()
	addToy(t, url)
	if id, err := post(url, "waiting"); err != nil || id == "" {
		t.Fatal(id, err)
	}
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`tourney_sweeps{state="running"} 1`, `tourney_trials{state="queued"} 1`, `tourney_jobs{state="queued"} 1`, `tourney_jobs{state="running"} 0`,
		"tourney_workers 0", "tourney_slots_wanted 0.03125", "tourney_workers_wanted 1", "tourney_bus_connected 1", // a job of a 32nd of a core
		`tourney_commit_duration_seconds_bucket{le="+Inf"} `,
	} {
		if !strings.Contains(string(text), "\n"+want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	var ready struct{ Status string }
	if !get(t.Context(), url+"/readyz", &ready) || ready.Status != "ok" {
		t.Errorf("not ready: %+v", ready)
	}
	// Nobody has asked for profiles.
	if profiles, err := http.Get(url + "/debug/pprof/"); err != nil {
		t.Error(err)
	} else if profiles.Body.Close(); profiles.StatusCode != http.StatusNotFound {
		t.Errorf("profiles: %s", profiles.Status)
	}
}
