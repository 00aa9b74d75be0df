package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tourney"
)

func TestAFailedTrialIsRetried(t *testing.T) {
	r := newRig(t)
	sweep := "/api/v1/sweeps/" + r.create(1, 2, 3).ID
	r.world.Fail(strings.TrimPrefix(sweep, "/api/v1/sweeps/"))
	key := header{"Idempotency-Key": "again"}
	a := r.do(t.Context(), "POST", sweep+"/trials/2/retry", "", key)
	var retry tourney.Retry
	if err := json.Unmarshal(a.body, &retry); err != nil || a.StatusCode != http.StatusAccepted || retry.Of != 2 || retry.Trial != 3 {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	var trial tourney.Trial
	if r.get(a.Header.Get("Location"), &trial); trial.RetryOf == nil || *trial.RetryOf != 2 {
		t.Errorf("at %s is %+v", a.Header.Get("Location"), trial)
	}
	if again := r.do(t.Context(), "POST", sweep+"/trials/2/retry", "", key); again.StatusCode != a.StatusCode || string(again.body) != string(a.body) {
		t.Errorf("the same key again: %s %s", again.Status, again.body)
	}
	r.wrong(422, "POST", sweep+"/trials/1/retry", "", key)
	r.wrong(409, "POST", sweep+"/trials/2/retry", "", nil)
	r.wrong(409, "POST", sweep+"/trials/0/retry", "", nil)
	r.wrong(404, "POST", sweep+"/trials/99/retry", "", nil)
	r.wrong(404, "POST", "/api/v1/sweeps/snone/trials/0/retry", "", nil)
}

// Lists say what is wrong with a sort or a filter, whatever is put into it.
func TestSortsAndFiltersAreClosedLists(t *testing.T) {
	r := newRig(t)
	sweep := "/api/v1/sweeps/" + r.create(1, 2, 3).ID
	for _, tt := range []struct{ query, field, says string }{
		{"trials?sort=valeu", "sort", `did you mean "value"`},
		{"trials?sort=number%3B+DROP+TABLE+trials", "sort", "must be"},
		{"trials?filter=state%3Adone", "filter", "the states are"},
		{"trials?filter=rung%3E%3Dx", "filter", "whole number"},
		{"trials?filter=params.lr%3C%27a%27+OR+1%3D1", "filter", "only numbers are compared"},
		{"leaderboard?filter=error%3Ax", "filter", "does not have the form"},
		{"leaderboard?filter=params.a%22b%3A1", "filter", "does not have the form"},
		{"trials?filter=" + strings.Repeat("rung%3E0,", 16) + "rung%3E0", "filter", "at most 16"},
	} {
		p := r.wrong(http.StatusBadRequest, "GET", sweep+"/"+tt.query, "", nil)
		if len(p.Errors) != 1 || p.Errors[0].Path != tt.field || !strings.Contains(p.Errors[0].Message, tt.says) {
			t.Errorf("%s: %v, want one of %s that says %q", tt.query, p.Errors, tt.field, tt.says)
		}
	}
	var list struct{ Items []tourney.Trial }
	if r.get(sweep+"/trials?sort=-number", &list); len(list.Items) != 3 || list.Items[0].Number != 2 {
		t.Errorf("the last first: %+v", list.Items)
	}
	if r.get(sweep+"/leaderboard?filter=rung%3E%3D0,state%3Acompleted", &list); len(list.Items) != 3 {
		t.Errorf("the board of those that are completed: %+v", list.Items)
	}
}
