package api_test

import (
	"net/http"
	"strings"
	"testing"

	"tourney/api/gen"
)

func TestAnAppraisalIsReadOutOfTheModel(t *testing.T) {
	r := newRig(t)
	id := r.create(3, 1, 2).ID
	appraised := strings.Replace(document, `"model":`, `"appraisal":{"rows":160,"residuals":{"mean":0.5,"sd":1,"quartiles":[-1,0,0.5,1,2],"histogram":[{"low":-1,"high":2,"count":160}],"points":[[1,1.5]]},"importance":[{"column":"x","rise":2}],"sampled":160},"model":`, 1)
	r.world.Leave(id, 1, appraised)
	r.world.Leave(id, 2, document) // from before there were any
	var got gen.Appraisal
	r.get("/api/v1/sweeps/"+id+"/trials/1/appraisal", &got)
	if got.Rows != 160 || got.Residuals == nil || got.Residuals.Quartiles[4] != 2 || got.Importance[0].Column != "x" {
		t.Errorf("%+v", got)
	}
	for n, want := range map[string]string{"2": "older version", "0": "no model"} {
		if p := r.wrong(http.StatusNotFound, "GET", "/api/v1/sweeps/"+id+"/trials/"+n+"/appraisal", "", nil); !strings.Contains(p.Detail, want) {
			t.Errorf("trial %s: %q", n, p.Detail)
		}
	}
	r.wrong(http.StatusNotFound, "GET", "/api/v1/sweeps/"+id+"/trials/9/appraisal", "", nil)
}

func TestAttemptsAreListed(t *testing.T) {
	r := newRig(t)
	id := r.create(1).ID
	var list gen.AttemptList
	r.get("/api/v1/sweeps/"+id+"/trials/0/attempts", &list)
	if len(list.Items) != 2 || list.Items[0].Outcome != "preempted" || list.Items[1].Host != "spot-2" || list.Items[1].Ended != nil {
		t.Errorf("%+v", list.Items)
	}
	r.wrong(http.StatusNotFound, "GET", "/api/v1/sweeps/"+id+"/trials/9/attempts", "", nil)
}
