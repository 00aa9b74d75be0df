package api_test

import (
	"net/http"
	"testing"

	"tourney"
	"tourney/api/client"
)

func TestImportanceAndPareto(t *testing.T) {
	r := newRig(t)
	sweep := r.create(0.3, 0.1, 0.2)
	base := "/api/v1/sweeps/" + sweep.ID
	var got tourney.Importance
	r.get(base+"/importance", &got)
	if len(got.Params) != 1 || got.Trials != 0 {
		t.Errorf("%+v", got)
	}
	r.get(base+"/importance?method=fanova&metric=rmse&trials=0,2-4,7&pairs=2", &got)
	if got.Method != "fanova" || got.Metric != "rmse" || got.Trials != 5 {
		t.Errorf("of five trials: %+v", got)
	}
	for _, query := range []string{"method=shap", "trials=1-", "trials=4-2", "trials=0-99999999", "trials=-1", "pairs=-1", "pairs=21", "metric=unheard_of"} {
		r.wrong(http.StatusBadRequest, "GET", base+"/importance?"+query, "", nil)
	}
	var front tourney.Front
	r.get(base+"/pareto", &front)
	if len(front.Trials) != 1 {
		t.Errorf("%+v", front)
	}
	for _, path := range []string{"/importance", "/pareto"} {
		r.wrong(http.StatusNotFound, "GET", "/api/v1/sweeps/none"+path, "", nil)
	}

	c := client.New(r.http.URL, r.client)
	asked, err := c.Importance(t.Context(), sweep.ID, tourney.ImportanceRequest{Method: "fanova", Trials: []int{1, 5}})
	if err != nil || asked.Trials != 2 || asked.Method != "fanova" {
		t.Errorf("%+v, %v", asked, err)
	}
	if f, err := c.Pareto(t.Context(), sweep.ID); err != nil || len(f.Trials) != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}
