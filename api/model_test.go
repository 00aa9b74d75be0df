package api_test

import (
	"net/http"
	"strings"
	"testing"

	"tourney/api/gen"
)

const document = `{"format":"tourney-model","version":1,"trainer":"linear","task":"regression","target":"y","params":{},"dataset":"d","metrics":{"test_rmse":1},"features":["x"],"model":{}}`

func TestModelsAreServedAsTheyWereLeft(t *testing.T) {
	r := newRig(t)
	id := r.create(3, 1, 2, 4, 5).ID
	r.world.Leave(id, 1, document)
	r.world.Leave(id, 3, "TLIN\x00a state of before there were models")
	large := strings.Replace(document, "[\"x\"]", "[\""+strings.Repeat("x", 5000)+"\"]", 1)
	r.world.Leave(id, 4, large)

	for n, want := range map[string]string{"1": document, "4": large} { // the second is compressed on its way
		a := r.get("/api/v1/sweeps/"+id+"/trials/"+n+"/model", nil)
		if string(a.body) != want || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("trial %s: %s as %q", n, a.body, a.Header.Get("Content-Type"))
		}
	}
	var list gen.ModelList
	r.get("/api/v1/sweeps/"+id+"/models", &list)
	if len(list.Items) != 2 || list.Items[0] != (gen.ModelInfo{Trial: 1, Step: 7, Bytes: int64(len(document))}) || list.Items[1].Trial != 4 {
		t.Errorf("models %+v", list.Items)
	}
	for _, n := range []string{"0", "3"} {
		p := r.wrong(http.StatusNotFound, "GET", "/api/v1/sweeps/"+id+"/trials/"+n+"/model", "", nil)
		if want := "trial " + n + " of sweep " + id + " has no model; of its trials 1, 4 has"; p.Detail != want {
			t.Errorf("%q, want %q", p.Detail, want)
		}
	}
	r.wrong(http.StatusNotFound, "GET", "/api/v1/sweeps/"+id+"/trials/9/model", "", nil)
	r.wrong(http.StatusNotFound, "GET", "/api/v1/sweeps/nowhere/models", "", nil)

	other := r.create(1).ID
	r.get("/api/v1/sweeps/"+other+"/models", &list)
	p := r.wrong(http.StatusNotFound, "GET", "/api/v1/sweeps/"+other+"/trials/0/model", "", nil)
	if len(list.Items) != 0 || !strings.Contains(p.Detail, "completed") {
		t.Errorf("%v, %q", list.Items, p.Detail)
	}
}
