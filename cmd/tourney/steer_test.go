package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"tourney"
)

const loopSweep = `name: loop
trainer: external
method: random
metric: {name: loss, goal: minimize}
run_cap: 2
parameters:
  x: {min: 0.0, max: 1.0}
`

// trained asks for trials and tells of them until a sweep has none to give.
// It returns how many there were; the one that fails is told to have.
func trained(t *testing.T, url, id string, fails int) (n int) {
	t.Helper()
	for ; ; n++ {
		var asked tourney.AskReply
		send(t, url+"/api/v1/sweeps/"+id+"/ask", `{"count":1}`, &asked)
		if len(asked.Trials) == 0 {
			return n
		}
		said := `"value":0.5`
		if asked.Trials[0].Trial == fails {
			said = `"outcome":"failed","reason":"spec_invalid","error":"it does not fit"`
		}
		send(t, url+"/api/v1/sweeps/"+id+"/tell", fmt.Sprintf(`{"tells":[{"token":%q,%s}]}`, asked.Trials[0].Token, said), nil)
	}
}

// send posts JSON and reads the answer into a value, unless that is nil.
func send(t *testing.T, url, body string, into any) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, resp.Status)
	}
	if into == nil {
		return
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// loop creates a sweep whose trials are asked for.
func loop(t *testing.T, url, file string) (s tourney.Sweep) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "loop.yaml")
	write(t, name, file)
	if err := json.Unmarshal([]byte(must(t, "sweep", "create", name, "--server", url, "--json")), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// As many trials come as --trials says, whatever was tried again before; and a
// sweep that no cap ends has none that could be raised.
func TestExtensionsAreNotEatenByRetries(t *testing.T) {
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	url := up.url()
	s := loop(t, url, loopSweep)
	if n := trained(t, url, s.ID, 1); n != 2 {
		t.Fatalf("%d trials of a cap of 2", n)
	}
	must(t, "sweep", "retry", s.ID, "1", "--server", url)
	if n := trained(t, url, s.ID, -1); n != 1 {
		t.Fatalf("%d retries", n)
	}
	for range 2 {
		must(t, "sweep", "extend", s.ID, "--trials", "3", "--server", url)
		if n := trained(t, url, s.ID, -1); n != 3 {
			t.Errorf("%d trials more, where 3 were given", n)
		}
	}
	s = loop(t, url, strings.Replace(loopSweep, "run_cap: 2", "limits: {wall: 1h}", 1))
	if _, stderr, code := play(t, "sweep", "extend", s.ID, "--trials", "3", "--server", url); code != 2 || !strings.Contains(stderr, "no cap") {
		t.Errorf("without a cap: exit %d, %s", code, stderr)
	}
}
