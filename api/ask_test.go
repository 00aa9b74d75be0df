package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tourney"
	"tourney/api/internal/apitest"
)

const external = `{"trainer":"external","metric":{"name":"loss","goal":"minimize"},"run_cap":9,"parameters":{"x":{"min":0.5,"max":2}}}`

var asJSON = header{"Content-Type": "application/json"}

// post expects a request to be right and its answer to have the status 200.
func (r *rig) post(path, body string, h header, v any) answer {
	r.Helper()
	a := r.do(r.Context(), http.MethodPost, path, body, h)
	if a.StatusCode != http.StatusOK {
		r.Fatalf("POST %s: %s: %s", path, a.Status, a.body)
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		r.Fatalf("POST %s: %v in %s", path, err, a.body)
	}
	return a
}

// outside starts a sweep whose trials are trained outside.
func (r *rig) outside() string {
	r.Helper()
	a := r.do(r.Context(), "POST", "/api/v1/sweeps", external, asJSON)
	var sweep tourney.Sweep
	if err := json.Unmarshal(a.body, &sweep); err != nil || a.StatusCode != http.StatusCreated {
		r.Fatalf("create: %s %s", a.Status, a.body)
	}
	return "/api/v1/sweeps/" + sweep.ID
}

func TestAskAndTellOverREST(t *testing.T) {
	r := newRig(t)
	sweep := r.outside()
	var asked tourney.AskReply
	key := header{"Content-Type": "application/json", "Idempotency-Key": "a"}
	r.post(sweep+"/ask", `{"count":2,"worker":"me","lease":60}`, key, &asked)
	if len(asked.Trials) != 2 || asked.Trials[1].Trial != 1 || asked.Trials[0].Seed != 1<<63+5 {
		t.Fatalf("asked: %+v", asked)
	}
	var again tourney.AskReply
	if r.post(sweep+"/ask", `{"count":2,"worker":"me","lease":60}`, key, &again); again.Trials[0].Token != asked.Trials[0].Token {
		t.Error("the same call again gets other trials")
	}
	r.wrong(422, "POST", sweep+"/ask", `{"count":3}`, key)
	tell := func(rest string) string {
		return `{"tells":[{"token":"` + asked.Trials[0].Token + `"` + rest + `}]}`
	}
	var told struct{ Items []tourney.Told }
	r.post(sweep+"/tell", tell(`,"points":[{"step":1,"metrics":{"loss":2}}]`), asJSON, &told)
	if told.Items[0].Stop || told.Items[0].State != tourney.TrialRunning {
		t.Errorf("a sign of life is answered %+v", told.Items)
	}
	for range 2 {
		r.post(sweep+"/tell", tell(`,"value":0.5`), asJSON, &told)
		if !told.Items[0].Stop {
			t.Errorf("the last word is answered %+v", told.Items)
		}
	}
	if p := r.wrong(409, "POST", sweep+"/tell", tell(`,"value":0.75`), asJSON); p.Type != "urn:tourney:conflict" {
		t.Errorf("something else: %+v", p)
	}
	if p := r.wrong(409, "POST", sweep+"/tell", tell(`,"error":"lost"`), asJSON); p.Type != "urn:tourney:stale" {
		t.Errorf("too late: %+v", p)
	}
}

func TestWhatCannotBeAskedOrTold(t *testing.T) {
	r := newRig(t)
	sweep := r.outside()
	workers := "/api/v1/sweeps/" + r.create().ID
	for _, tt := range []struct {
		path, body string
		status     int
		field      string
	}{
		{sweep + "/ask", `{"count":1001}`, 400, "count"},
		{sweep + "/ask", `{"lease":0.5}`, 400, "lease"},
		{sweep + "/ask", `{"worker":"a b"}`, 400, "worker"},
		{sweep + "/ask", `{"cuont":1}`, 400, "cuont"},
		{sweep + "/tell", `{"tells":[]}`, 400, "tells"},
		{sweep + "/tell", `{"tells":[{"token":"x"}]}`, 400, "tells.0.token"},
		{sweep + "/tell", `{"tells":[{"token":"x","valu":1}]}`, 400, "valu"},
		{workers + "/ask", `{}`, 409, ""},
		{workers + "/tell", `{"tells":[{"token":"x"}]}`, 409, ""},
		{"/api/v1/sweeps/snone/ask", `{}`, 404, ""},
		{"/api/v1/sweeps/snone/tell", `{"tells":[{"token":"x"}]}`, 404, ""},
	} {
		p := r.wrong(tt.status, "POST", tt.path, tt.body, asJSON)
		if tt.field != "" && (len(p.Errors) != 1 || p.Errors[0].Path != tt.field) {
			t.Errorf("%s %s: errors %v, want one of %s", tt.path, tt.body, p.Errors, tt.field)
		}
	}
}

// Loops tell often: they have a rate of their own, and the sweep's log says
// what they did, so that the audit does not.
func TestLoopsHaveARateOfTheirOwn(t *testing.T) {
	r := newRig(t)
	sweep := r.outside()
	secret := r.token(tourney.ScopeAdmin, "")
	h := header{"Content-Type": "application/json", "Authorization": "Bearer " + secret}
	for range 300 { // more than the 100 that others may send at once
		var asked tourney.AskReply
		r.post(sweep+"/ask", `{}`, h, &asked)
	}
	audits, err := r.world.Audits(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range audits {
		if a.Action == "askTrials" {
			t.Fatalf("in the audit: %+v", a)
		}
	}
}

func TestASweepIsValidatedAndNothingIsCreated(t *testing.T) {
	r := newRig(t)
	for name, tt := range map[string]struct {
		body  string
		error string // path of the first
	}{
		"right":       {spec, ""},
		"ignored key": {spec + "project: mine\n", ""},
		"no dataset":  {strings.Replace(spec, "telco", "nothing", 1), "dataset"},
		"a path":      {strings.Replace(spec, "telco", "./x.csv", 1), "dataset"},
		"wrong":       {strings.Replace(spec, "method", "methd", 1), "methd"},
		"no YAML":     {"{", ""},
		"nothing":     {" ", ""},
	} {
		var f tourney.Forecast
		a := r.do(apitest.Wrong(t.Context()), "POST", "/api/v1/sweeps/validate", tt.body, yaml)
		if err := json.Unmarshal(a.body, &f); err != nil || a.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", name, a.Status, a.body)
		}
		valid := name == "right" || name == "ignored key"
		if f.Valid != valid || f.Valid != (len(f.Errors) == 0) || f.Valid != (len(f.Proposals) > 0) {
			t.Errorf("%s: %+v", name, f)
		}
		if tt.error != "" && f.Errors[0].Path != tt.error {
			t.Errorf("%s: the first error is %+v", name, f.Errors[0])
		}
		if warned := len(f.Warnings) == 1; warned != (name == "ignored key") {
			t.Errorf("%s: warnings %v", name, f.Warnings)
		}
	}
	if sweeps, _, _ := r.world.Sweeps(t.Context(), tourney.Page{Limit: 10}); len(sweeps) > 0 {
		t.Errorf("%d sweeps were created", len(sweeps))
	}
	r.wrong(415, "POST", "/api/v1/sweeps/validate", spec, header{"Content-Type": "text/plain"})
}
