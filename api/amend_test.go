package api_test

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tourney"
)

func TestASweepIsAmended(t *testing.T) {
	r := newRig(t)
	path := "/api/v1/sweeps/" + r.create(1).ID
	tag := r.get(path, nil).Header.Get("ETag")
	patch := func(body, match string) answer {
		return r.do(t.Context(), "PATCH", path, body, header{"Content-Type": "application/json", "If-Match": match})
	}
	a := patch(`{"name":"other","run_cap":30}`, tag)
	var sweep tourney.Sweep
	if err := json.Unmarshal(a.body, &sweep); err != nil || a.StatusCode != 200 || sweep.Spec.Name != "other" || sweep.Amended.RunCap != 30 {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	now := r.get(path, nil).Header.Get("ETag")
	if now == tag || now != a.Header.Get("ETag") {
		t.Errorf("the ETag was %s, is %s, and the answer said %s", tag, now, a.Header.Get("ETag"))
	}
	if a := patch(`{"name":"third"}`, tag); a.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("by the old ETag: %s", a.Status)
	}
	if a := patch(`{"name":"third"}`, "*"); a.StatusCode != 200 {
		t.Errorf("by *: %s", a.Status)
	}
	r.wrong(428, "PATCH", path, `{"name":"third"}`, asJSON)
	any := header{"Content-Type": "application/json", "If-Match": "*"}
	r.wrong(400, "PATCH", path, `{}`, any)
	r.wrong(400, "PATCH", path, `{"nme":"x"}`, any)
	r.wrong(409, "PATCH", path, `{"run_cap":3}`, any)
	r.wrong(400, "PATCH", path, `{"name":"x"}`, header{"Content-Type": "application/json", "If-Match": `W/"x"`})
	r.wrong(404, "PATCH", "/api/v1/sweeps/snone", `{"name":"x"}`, any)
}

func TestASweepIsExtendedAndDeleted(t *testing.T) {
	r := newRig(t)
	path := "/api/v1/sweeps/" + r.create(1).ID
	var sweep tourney.Sweep
	r.post(path+"/extend", `{"run_cap":40,"limits":{"wall":3600}}`, asJSON, &sweep)
	if sweep.Amended.RunCap != 40 || sweep.Amended.Limits.Wall != 3600 {
		t.Errorf("extended: %+v", sweep.Amended)
	}
	r.wrong(400, "POST", path+"/extend", `{}`, asJSON)
	r.wrong(409, "DELETE", path, "", nil)
	r.wrong(400, "DELETE", path+"?force=yes", "", nil)
	if a := r.do(t.Context(), "DELETE", path+"?force=cancel", "", nil); a.StatusCode != 204 {
		t.Errorf("deleted: %s", a.Status)
	}
	r.wrong(404, "GET", path, "", nil)
	r.wrong(404, "DELETE", path, "", nil)
}

// A caller may wait for the state of a sweep to change, and hears of it then,
// or of nothing when its time is up.
func TestPreferWait(t *testing.T) {
	r := newRig(t)
	id := r.create().ID
	wait := func(prefer string) (tourney.Sweep, answer) {
		a := r.do(t.Context(), "GET", "/api/v1/sweeps/"+id, "", header{"Prefer": prefer})
		var s tourney.Sweep
		if err := json.Unmarshal(a.body, &s); err != nil {
			t.Fatal(err)
		}
		return s, a
	}
	if s, a := wait("wait=1"); s.State != tourney.SweepRunning || a.Header.Get("Preference-Applied") != "wait=1" {
		t.Errorf("nothing happens: %s, %q", s.State, a.Header.Get("Preference-Applied"))
	}
	for _, other := range []string{"", "respond-async", "wait", "wait=x", "wait=-1", "wait=0"} {
		if _, a := wait(other); a.Header.Get("Preference-Applied") != "" {
			t.Errorf("%q is applied", other)
		}
	}
	waiting := make(chan tourney.Sweep)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		s, _ := wait(`respond-async, Wait="9999"; x=y`)
		waiting <- s
	}()
	for r.server.Waiting() == 0 && ctx.Err() == nil {
		runtime.Gosched()
	}
	if _, err := r.world.Act(t.Context(), id, tourney.ActionCancel); err != nil {
		t.Fatal(err)
	}
	if s := <-waiting; s.State != tourney.SweepCancelled {
		t.Errorf("heard of %s", s.State)
	}
	if s, _ := wait("wait=9"); s.State != tourney.SweepCancelled {
		t.Errorf("after its end: %s", s.State)
	}
}

// Filters and orders are of closed lists; a word that is in none is refused and
// told what there is.
func TestFilters(t *testing.T) {
	r := newRig(t)
	path := "/api/v1/sweeps/" + r.create(3, math.NaN(), 2).ID
	var list struct{ Items []tourney.Trial }
	numbers := func(query string) (out []int) {
		r.get(path+query, &list)
		for _, t := range list.Items {
			out = append(out, t.Number)
		}
		return out
	}
	for query, want := range map[string][]int{
		"/trials":                                     {0, 1, 2},
		"/trials?sort=-number":                        {2, 1, 0},
		"/trials?filter=state:completed":              {0, 2},
		"/trials?filter=state:completed&sort=-number": {2, 0},
		"/trials?filter=state:paused":                 nil,
		"/leaderboard?filter=rung%3E=1":               nil,
	} {
		if got := numbers(query); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	for _, wrong := range []string{
		"/trials?filter=state:done", "/trials?filter=error:x", "/trials?filter=state:completed'--", "/trials?sort=value;drop", "/trials?sort=params",
		"/leaderboard?filter=rung%3E=x", "/leaderboard?filter=state%3Ecompleted", "/leaderboard?sort=number",
	} {
		if p := r.wrong(400, "GET", path+wrong, "", nil); len(p.Errors) == 0 {
			t.Errorf("%s: %+v", wrong, p)
		}
	}
	if p := r.wrong(400, "GET", path+"/trials?filter=state:complete", "", nil); !strings.Contains(p.Errors[0].Message, "pruned, diverged") {
		t.Errorf("the message does not list what there is: %v", p.Errors)
	}
	var rungs struct{ Items []tourney.RungCount }
	if r.get(path+"/rungs", &rungs); len(rungs.Items) != 1 || rungs.Items[0].Reached != 3 {
		t.Errorf("rungs: %+v", rungs)
	}
	r.wrong(404, "GET", "/api/v1/sweeps/snone/rungs", "", nil)
}
