package api_test

import (
	"encoding/json"
	"testing"

	"tourney"
)

// A worker is asked to leave; one that is gone, or that nobody knows, is not.
func TestAWorkerDrains(t *testing.T) {
	r := newRig(t)
	enrol := `{"host":"h","slots":2,"version":"1","cloud":"aws","instance":"c7i.large","spot":true,"price_per_hour":0.1,"datasets":["ab"]}`
	if a := r.do(t.Context(), "POST", "/api/v1/workers", enrol, asJSON); a.StatusCode != 201 {
		t.Fatal(a.Status)
	}
	if sent := r.world.Enrolled(); len(sent) != 1 || sent[0].Cloud != "aws" || !sent[0].Spot || sent[0].PricePerHour != 0.1 || len(sent[0].Datasets) != 1 {
		t.Errorf("enrolled %+v", sent)
	}
	for body, want := range map[string]tourney.Drain{`{}`: tourney.DrainRelease, `{"mode":"finish"}`: tourney.DrainFinish} {
		var w tourney.Worker
		a := r.do(t.Context(), "POST", "/api/v1/workers/w1/drain", body, asJSON)
		if err := json.Unmarshal(a.body, &w); err != nil || a.StatusCode != 202 {
			t.Fatalf("%s %s", a.Status, a.body)
		}
		if w.State != tourney.WorkerDraining || w.Drain != want {
			t.Errorf("%s: %+v", body, w)
		}
	}
	r.wrong(400, "POST", "/api/v1/workers/w1/drain", `{"mode":"now"}`, asJSON)
	r.wrong(404, "POST", "/api/v1/workers/w9/drain", `{}`, asJSON)
	r.world.Dismiss("w1")
	r.wrong(409, "POST", "/api/v1/workers/w1/drain", `{}`, asJSON)
}
