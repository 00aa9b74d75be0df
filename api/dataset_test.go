package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tourney"
	"tourney/api"
)

var csvBody = header{"Content-Type": "text/csv"}

func TestADatasetIsRegistered(t *testing.T) {
	r := newRig(t)
	table := "a,\"b,c\",y\n1,2,0\n3,4,1\n5,6,1\n7,8,0\n"
	path := "/api/v1/datasets?name=toy&target=y&task=regression&test=0.5&drop=a&drop=b%2Cc&seed=7&file=toy.csv"
	for _, typ := range []string{"text/csv", "application/octet-stream"} {
		a := r.do(t.Context(), "POST", path, table, header{"Content-Type": typ})
		var ds tourney.Dataset
		if err := json.Unmarshal(a.body, &ds); err != nil || a.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %s: %v in %s", typ, a.Status, err, a.body)
		}
		if ds.Name != "toy" || ds.Task != tourney.Regression || ds.Rows != 4 || ds.TestRows != 2 || ds.Seed != 7 || len(ds.Columns) != 1 || ds.Columns[0].Name != "y" {
			t.Errorf("%s: dataset %+v", typ, ds)
		}
		var same tourney.Dataset
		if r.get(a.Header.Get("Location"), &same); same.Version != ds.Version {
			t.Errorf("Location %q is version %q, not %q", a.Header.Get("Location"), same.Version, ds.Version)
		}
	}
	sum := sha256.Sum256([]byte(table))
	var list struct{ Items []tourney.Dataset }
	if r.get("/api/v1/datasets?source="+hex.EncodeToString(sum[:]), &list); len(list.Items) != 1 || list.Items[0].Name != "toy" {
		t.Errorf("by source: %v", list.Items)
	}
	if r.get("/api/v1/datasets?limit=1", &list); len(list.Items) != 1 || list.Items[0].Name != "telco" {
		t.Errorf("by name: %v", list.Items)
	}
}

func TestAWrongTableIsRefusedWithItsLine(t *testing.T) {
	r := newRig(t)
	p := r.wrong(http.StatusBadRequest, "POST", "/api/v1/datasets?name=bad&target=y", "x,y\n1,0\n2,1,3\n", csvBody)
	if len(p.Errors) != 1 || p.Errors[0].Line != 3 {
		t.Errorf("errors %v, want one at line 3", p.Errors)
	}
	p = r.wrong(http.StatusBadRequest, "POST", "/api/v1/datasets?name=bad&target=label", "lable,x\n", csvBody)
	if len(p.Errors) != 1 || p.Errors[0].Path != "target" || !strings.Contains(p.Errors[0].Message, `did you mean "lable"`) {
		t.Errorf("errors %v", p.Errors)
	}
	r.wrong(http.StatusNotFound, "GET", "/api/v1/datasets/bad", "", nil)
	r.wrong(http.StatusUnsupportedMediaType, "POST", "/api/v1/datasets?name=bad&target=y", "x,y\n", yaml)
}

func TestTablesAreBounded(t *testing.T) {
	r := newRig(t, func(cfg *api.Config) { cfg.MaxDatasetBytes = 8 })
	if a := r.do(t.Context(), "POST", "/api/v1/datasets?name=fits&target=y", "x,y\n1,0\n", csvBody); a.StatusCode != http.StatusCreated {
		t.Errorf("8 bytes: %s %s", a.Status, a.body)
	}
	r.wrong(http.StatusRequestEntityTooLarge, "POST", "/api/v1/datasets?name=big&target=y", "x,y\n1,00\n", csvBody)
	r.wrong(http.StatusNotFound, "GET", "/api/v1/datasets/big", "", nil)
}

func TestAWorkerEnrols(t *testing.T) {
	r := newRig(t)
	post := header{"Content-Type": "application/json"}
	a := r.do(t.Context(), "POST", "/api/v1/workers", `{"host":"h1","pool":"default","slots":4,"version":"1"}`, post)
	var e tourney.Enrolment
	if err := json.Unmarshal(a.body, &e); err != nil || a.StatusCode != http.StatusCreated || e.Worker != "w1" || e.Lease != 30e9 || e.Expires.Location().String() != "UTC" {
		t.Errorf("%s: %v in %s", a.Status, err, a.body)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Error("the credential may be cached")
	}
	r.do(t.Context(), "POST", "/api/v1/workers", `{"host":"h2","pool":"default","slots":1,"version":"1"}`, post)
	var list struct{ Items []tourney.Worker }
	if r.get("/api/v1/workers", &list); len(list.Items) != 2 || list.Items[0].Host != "h2" {
		t.Errorf("workers %v", list.Items)
	}
	for body, want := range map[string]struct{ path, says string }{
		`{"host":"h","pool":"p","slots":0,"version":"1"}`:   {"slots", "at least 1"},
		`{"host":"h","pool":"p","slots":"4","version":"1"}`: {"slots", "must be a whole number, not string"},
		`{"host":"h","pool":"p","slots":1.5}`:               {"slots", "must be a whole number"},
		`{"host":"h","slot":4}`:                             {"slot", `did you mean "slots"`},
		`{"host":"h","slots":1}{}`:                          {"", "nothing after it"},
		`{"host":`:                                          {"", "not a JSON object"},
		`[]`:                                                {"", "not a JSON object"},
		``:                                                  {"", "not a JSON object"},
	} {
		p := r.wrong(http.StatusBadRequest, "POST", "/api/v1/workers", body, post)
		if len(p.Errors) != 1 || p.Errors[0].Path != want.path || !strings.Contains(p.Errors[0].Message, want.says) {
			t.Errorf("%s: errors %v, want %v", body, p.Errors, want)
		}
	}
}
