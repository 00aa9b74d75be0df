package api_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/api/internal/apitest"
	"tourney/api/problem"
)

func TestEveryRouteIsInTheContractAndTheOtherWayRound(t *testing.T) {
	r := newRig(t)
	var want []string
	braces := regexp.MustCompile(`\{(\w+)\}`)
	for path, item := range r.checker.Doc.Paths.Map() {
		for method := range item.Operations() {
			want = append(want, method+" "+braces.ReplaceAllString(path, ":$1"))
		}
	}
	got := r.server.Routes()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("registered %q\nin openapi.yaml %q", got, want)
	}
}

// The aliases of generated code say nothing about fields, so that each schema
// is compared here with the type that is written.
func TestSchemasAreThoseOfTheTypes(t *testing.T) {
	types := map[string]any{
		"Spec": tourney.Spec{}, "Split": tourney.Split{}, "Metric": tourney.Metric{}, "Validation": tourney.Validation{},
		"EarlyTerminate": tourney.EarlyTerminate{}, "Plan": tourney.Plan{}, "Sweep": tourney.Sweep{}, "Trial": tourney.Trial{},
		"Point": tourney.Point{}, "Dataset": tourney.Dataset{}, "Column": tourney.Column{}, "Shard": tourney.Shard{},
		"Worker": tourney.Worker{}, "Lifetime": tourney.Lifetime{}, "EnrolRequest": tourney.EnrolRequest{}, "Enrolment": tourney.Enrolment{},
		"LogPage": tourney.LogPage{}, "LogChunk": tourney.LogChunk{}, "Artifact": tourney.Artifact{},
		"Resources": tourney.Resources{}, "MetricSource": tourney.MetricSource{},
		"FieldError": tourney.FieldError{}, "Problem": problem.Problem{},
		"EventEngine": tourney.Engine{}, "EventReported": tourney.Reported{}, "EventLost": tourney.Lost{}, "EventActed": tourney.Acted{},
		"AccessToken": tourney.AccessToken{}, "IssuedToken": tourney.IssuedToken{}, "TokenRequest": tourney.TokenRequest{}, "Audit": tourney.Audit{},
		"Warning": tourney.Warning{}, "Parent": tourney.Parent{}, "Preprocess": tourney.Preprocess{}, "Bin": tourney.Bin{},
		"Importance": tourney.Importance{}, "ParamImportance": tourney.ParamImportance{}, "PairImportance": tourney.PairImportance{},
		"Front": tourney.Front{}, "LevelCount": tourney.LevelCount{}, "ColumnType": tourney.ColumnType{}, "Limits": tourney.Limits{},
		"Forecast": tourney.Forecast{}, "RungForecast": tourney.RungForecast{}, "AskRequest": tourney.AskRequest{}, "AskReply": tourney.AskReply{},
		"AskedTrial": tourney.AskedTrial{}, "Tell": tourney.Tell{}, "Told": tourney.Told{}, "EventAsked": tourney.Asked{},
		"Spent": tourney.Spent{}, "RungCount": tourney.RungCount{}, "Amendment": tourney.Amendment{}, "EventExtended": tourney.Extended{}, "EventRetried": tourney.Retried{}, "Retry": tourney.Retry{},
		"EventWarmed": tourney.Warmed{}, "EventLimited": tourney.Limited{}, "EventHalted": tourney.Halted{},
		"ViewAxis": tourney.Axis{}, "ViewTable": tourney.ViewTable{}, "ViewParallel": tourney.ViewParallel{}, "ViewGrid": tourney.ViewGrid{},
		"ViewSlice": tourney.ViewSlice{}, "ViewContour": tourney.ViewContour{}, "ViewCurve": tourney.ViewCurve{}, "ViewCurves": tourney.ViewCurves{},
		"ViewDistribution": tourney.ViewDistribution{}, "ViewBar": tourney.ViewBar{}, "ViewTimeline": tourney.ViewTimeline{}, "ViewFault": tourney.ViewFault{},
		"ViewFailures": tourney.ViewFailures{}, "ViewImprovement": tourney.ViewImprovement{}, "ViewProgress": tourney.ViewProgress{}, "ViewSeat": tourney.ViewSeat{},
		"ViewRound": tourney.ViewRound{}, "ViewBracket": tourney.ViewBracket{},
		"Appraisal": tourney.Appraisal{}, "ROC": tourney.ROC{}, "CalibrationBin": tourney.CalibrationBin{}, "Residuals": tourney.Residuals{},
		"ColumnImportance": tourney.ColumnImportance{}, "TrainerInfo": tourney.TrainerInfo{}, "TrainerParam": tourney.TrainerParam{},
		"Attempt": tourney.Attempt{}, "EventProposed": tourney.Proposed{}, "EventQueued": tourney.Queued{}, "EventEnded": tourney.Ended{}, "EventTurned": tourney.Turned{},
	}
	doc := apitest.Document(t, "openapi.yaml")
	for name, v := range types {
		var keys, required []string
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
			key, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous || key == "-" {
				continue
			}
			keys = append(keys, key)
			if !strings.Contains(opts, "omitempty") && !strings.Contains(opts, "omitzero") {
				required = append(required, key)
			}
		}
		s := doc.Components.Schemas[name].Value
		var has []string
		for key := range s.Properties {
			has = append(has, key)
		}
		must := slices.Clone(s.Required)
		for _, l := range [][]string{keys, required, has, must} {
			slices.Sort(l)
		}
		if !slices.Equal(keys, has) {
			t.Errorf("%s: the type has %v, the schema %v", name, keys, has)
		}
		if !slices.Equal(required, must) {
			t.Errorf("%s: the type always writes %v, the schema requires %v", name, required, must)
		}
	}
	for name, ref := range doc.Components.Schemas {
		alias, _ := ref.Value.Extensions["x-go-type"].(string)
		if _, ok := types[name]; strings.HasPrefix(alias, "tourney.") && len(ref.Value.Properties) > 0 && !ok && name != "Param" {
			t.Errorf("%s is %s, but is not compared here", name, alias)
		}
	}
}

// A request's schema has the type's keys, and says where the table is.
func TestTheRequestForADatasetIsThatOfTheType(t *testing.T) {
	want := []string{"source"}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[tourney.DatasetRequest]()) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		want = append(want, key)
	}
	var got []string
	for key := range apitest.Document(t, "openapi.yaml").Components.Schemas["DatasetRequest"].Value.Properties {
		got = append(got, key)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the schema has %v, the type and source %v", got, want)
	}
}

// The closed lists of words are those of the root package.
func TestEnumsAreThoseOfTheTypes(t *testing.T) {
	doc := apitest.Document(t, "openapi.yaml")
	var states []any
	for _, s := range tourney.TrialStates() {
		states = append(states, string(s))
	}
	if got := doc.Components.Schemas["TrialState"].Value.Enum; !slices.Equal(got, states) {
		t.Errorf("TrialState has %v, the type %v", got, states)
	}
	for _, kind := range doc.Components.Schemas["Event"].Value.Properties["kind"].Value.Enum {
		body, err := tourney.DecodeEvent(kind.(string), []byte("{}"))
		if err != nil {
			t.Errorf("Event: %v", err)
		} else if body.Kind() != kind {
			t.Errorf("Event: kind %q decodes to %q", kind, body.Kind())
		}
	}
}

func TestGeneratedCodeIsThatOfTheContract(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the generator")
	}
	if out, err := exec.CommandContext(t.Context(), "go", "tool", "-modfile=../tools/go.mod", "-n", "oapi-codegen").CombinedOutput(); err != nil {
		t.Skipf("the generator cannot be had here: %v\n%s", err, out)
	}
	for dir, file := range map[string]string{"gen": "gen/server.gen.go", "client/gen": "client/gen/client.gen.go"} {
		fresh := filepath.Join(t.TempDir(), "fresh.go")
		cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile=../tools/go.mod", "oapi-codegen", "-config", dir+"/config.yaml", "-o", fresh, "openapi.yaml")
		if msg, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", dir, err, msg)
		}
		want, err := os.ReadFile(fresh)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what openapi.yaml gives: run go generate ./api", file)
		}
	}
}

func TestTheContractIsServed(t *testing.T) {
	r := newRig(t)
	want, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if a := r.get("/api/openapi.yaml", nil); !bytes.Equal(a.body, want) {
		t.Error("/api/openapi.yaml is another document")
	}
}

func TestWrongParametersAreNamed(t *testing.T) {
	r := newRig(t)
	id := r.create(1).ID
	hash := strings.Repeat("a", 64)
	for _, tt := range []struct{ method, path, field, says string }{
		{"GET", "/api/v1/sweeps?limit=0", "limit", "at least 1"},
		{"GET", "/api/v1/sweeps?limit=1001", "limit", "at most 1000"},
		{"GET", "/api/v1/sweeps?limit=ten", "limit", `whole number, not "ten"`},
		{"GET", "/api/v1/sweeps?limit=1.5", "limit", "whole number"},
		{"GET", "/api/v1/sweeps?limit=5&limit=6", "limit", "2 times"},
		{"GET", "/api/v1/sweeps?limti=5", "limti", `did you mean "limit"`},
		{"GET", "/api/v1/sweeps?cursor=" + strings.Repeat("x", 1025), "cursor", "at most 1024"},
		{"GET", "/api/v1/sweeps?cursor=zzz", "cursor", "not one that this server gave"},
		{"GET", "/api/v1/sweeps/" + id + "?verbose=1", "verbose", "unknown query parameter"},
		{"GET", "/api/v1/sweeps/" + id + "/trials/x", "n", "whole number"},
		{"GET", "/api/v1/sweeps/" + id + "/trials/-1", "n", "at least 0"},
		{"GET", "/api/v1/sweeps/a%20b", "id", "does not have the form"},
		{"GET", "/api/v1/sweeps/" + id + "/history?limit=20001", "limit", "at most 20000"},
		{"GET", "/api/v1/events?after=-1", "after", "at least 0"},
		{"GET", "/api/v1/datasets?source=abc", "source", "does not have the form"},
		{"GET", "/api/v1/datasets/..", "name", "does not have the form"},
		{"GET", "/api/v1/blobs/sha256/" + hash[1:], "hex", "does not have the form"},
		{"POST", "/api/v1/datasets?target=y", "name", "is missing"},
		{"POST", "/api/v1/datasets?name=a&target=y&task=classificatoin", "task", `did you mean "classification"`},
		{"POST", "/api/v1/datasets?name=a&target=y&test=NaN", "test", "must be a number"},
		{"POST", "/api/v1/datasets?name=a&target=y&test=0", "test", "greater than 0"},
		{"POST", "/api/v1/datasets?name=a&target=y&test=0.91", "test", "at most 0.9"},
		{"POST", "/api/v1/datasets?name=-a&target=y", "name", "is no name"},
		{"POST", "/api/v1/sweeps/" + id + "/pause?now", "now", "unknown query parameter"},
	} {
		p := r.wrong(http.StatusBadRequest, tt.method, tt.path, "", header{"Content-Type": "text/csv"})
		if len(p.Errors) != 1 || p.Errors[0].Path != tt.field || !strings.Contains(p.Errors[0].Message, tt.says) {
			t.Errorf("%s %s: errors %v, want one of %s that says %q", tt.method, tt.path, p.Errors, tt.field, tt.says)
		}
	}
}

func TestAllWrongParametersAreNamedAtOnce(t *testing.T) {
	r := newRig(t)
	p := r.wrong(http.StatusBadRequest, "POST", "/api/v1/datasets?test=2&seed=-1&title=x", "", header{"Content-Type": "text/csv"})
	var fields []string
	for _, e := range p.Errors {
		fields = append(fields, e.Path)
	}
	if want := []string{"test", "seed", "title"}; !slices.Equal(fields, want) {
		t.Errorf("wrong fields %q, want %q", fields, want)
	}
}

func TestABrokenQueryIsRefused(t *testing.T) {
	r := newRig(t)
	r.wrong(http.StatusBadRequest, "GET", "/api/v1/sweeps?limit=%zz", "", nil)
	r.wrong(http.StatusBadRequest, "GET", "/api/v1/sweeps?a;b", "", nil)
}

func TestPathsAreDecodedOnce(t *testing.T) {
	r := newRig(t)
	var ds tourney.Dataset
	r.get("/api/v1/datasets/telco", &ds)
	for _, path := range []string{"telco@" + ds.Version[:8], "telco%40" + ds.Version[:8], ds.Version, "%74elco"} {
		// The checker's router does not decode paths at all.
		a := r.do(apitest.Wrong(t.Context()), "GET", "/api/v1/datasets/"+path, "", nil)
		if a.StatusCode != http.StatusOK || !bytes.Contains(a.body, []byte(ds.Version)) {
			t.Errorf("%s: %s: %s", path, a.Status, a.body)
		}
	}
	r.wrong(http.StatusBadRequest, "GET", "/api/v1/datasets/%2574elco", "", nil)
	r.wrong(http.StatusNotFound, "GET", "/api/v1/datasets/telco/shards", "", nil)
	r.wrong(http.StatusBadRequest, "GET", "/api/v1/datasets/telco%2Fshards", "", nil)
}
