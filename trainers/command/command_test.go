package command_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/trainers/command"
)

// testdata/wandb.json was written by wandb 0.31.0: create_sweep_command and
// create_sweep_command_args of wandb.sdk.launch.sweeps.utils, and the loop of
// its agent over the macros.
func TestMacrosAreThoseOfWandB(t *testing.T) {
	data, err := os.ReadFile("testdata/wandb.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Params json.RawMessage
		Cases  []struct{ Command, Argv []string }
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var params tourney.Params
	if err := json.Unmarshal(file.Params, &params); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"g_big", "i_whole"} { // JSON does not tell that they were floats
		params[name], _ = params.Float(name, 0)
	}
	envvar := func(name string) (string, error) {
		if name == "HERE" {
			return "there is", nil
		}
		return name, nil
	}
	for _, c := range file.Cases {
		got, err := command.Expand(&tourney.Command{Program: "train.py", Argv: c.Command}, params, command.Macros{Interpreter: "python", EnvVar: envvar})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, c.Argv) {
			t.Errorf("%q\nbecomes     %q\nwith W&B it %q", c.Command, got, c.Argv)
		}
	}
}

func TestExpandBeyondWandB(t *testing.T) {
	params := tourney.Params{"lr": 0.5, "optimizer.name": "sgd", "optimizer.decay": 1e-6}
	c := &tourney.Command{Program: "train.py", Argv: []string{"${program}", "--lr=${lr}/${absent}", "${args_json_file}", "${envvar:X}", "${args_json}"}}
	macros := command.Macros{JSONFile: "/tmp/p.json", EnvVar: func(string) (string, error) { return "${lr}", nil }}
	got, err := command.Expand(c, params, macros)
	want := []string{"train.py", "--lr=0.5/", "/tmp/p.json", "${lr}", `{"lr": 0.5, "optimizer": {"decay": 1e-06, "name": "sgd"}}`}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, error %v, want %q: values are no templates, and names with dots are nested", got, err, want)
	}
	refused := errors.New("no")
	macros.EnvVar = func(string) (string, error) { return "", refused }
	if _, err := command.Expand(c, params, macros); !errors.Is(err, refused) {
		t.Errorf("error %v, want that of the variable", err)
	}
}

func observations(t *testing.T, m tourney.MetricSource, lines ...string) []command.Observation {
	t.Helper()
	r, err := command.NewLineReader(m, "loss")
	if err != nil {
		t.Fatal(err)
	}
	var all []command.Observation
	for _, l := range lines {
		all = append(all, r.Read(l)...)
	}
	return all
}

func TestLines(t *testing.T) {
	at := func(step int, m tourney.Metrics) command.Observation {
		return command.Observation{Step: step, HasStep: true, Metrics: m}
	}
	bare := func(m tourney.Metrics) command.Observation { return command.Observation{Metrics: m} }
	for _, c := range []struct {
		source tourney.MetricSource
		lines  []string
		want   []command.Observation
	}{
		{tourney.MetricSource{}, []string{`{"step": 3, "loss": 0.5, "note": "x"}`}, []command.Observation{at(3, tourney.Metrics{"loss": 0.5})}},
		{tourney.MetricSource{}, []string{`{"metrics": {"loss": 1}, "val": {"acc": 0.5}}`}, []command.Observation{bare(tourney.Metrics{"loss": 1, "val.acc": 0.5})}},
		{tourney.MetricSource{}, []string{`{"name": "loss", "value": 2, "epoch": 4}`}, []command.Observation{at(4, tourney.Metrics{"loss": 2})}},
		{tourney.MetricSource{}, []string{`{"loss": Infinity}`}, []command.Observation{bare(tourney.Metrics{"loss": math.Inf(1)})}},
		{tourney.MetricSource{}, []string{"epoch=2 loss=1e-3, acc = 0.75; lr=3."}, []command.Observation{at(2, tourney.Metrics{"loss": 0.001, "acc": 0.75, "lr": 3})}},
		{tourney.MetricSource{}, []string{"the end: loss=0.5."}, []command.Observation{bare(tourney.Metrics{"loss": 0.5})}},
		{tourney.MetricSource{}, []string{"loss=1.2.3 a==2 file=x7 v=0x10 loss", `{"loss": `, "{}", "", strings.Repeat("x", 70000) + " loss=1"}, nil},
		{tourney.MetricSource{Format: "json"}, []string{"loss=1"}, nil},
		{tourney.MetricSource{Format: "name=value"}, []string{`{"loss": 1}`}, nil},
		{
			tourney.MetricSource{Format: "regex", Regex: `Epoch (?P<step>\d+): loss (?P<loss>\S+)`},
			[]string{"Epoch 7: loss 0.25", "Epoch 8: loss none", "other"},
			[]command.Observation{at(7, tourney.Metrics{"loss": 0.25})},
		},
		{
			tourney.MetricSource{Format: "regex", Regex: `(?P<name>\w+): (?P<value>[\d.]+)`},
			[]string{"loss: 0.25 acc: 1"},
			[]command.Observation{bare(tourney.Metrics{"loss": 0.25}), bare(tourney.Metrics{"acc": 1})},
		},
		{
			tourney.MetricSource{Format: "csv"},
			[]string{"warming up, please wait", `"step", loss,acc`, "1,0.5,", "2,0.25,x", "broken", "3,1"},
			[]command.Observation{at(1, tourney.Metrics{"loss": 0.5}), at(2, tourney.Metrics{"loss": 0.25})},
		},
		{tourney.MetricSource{Format: "csv", Columns: []string{"epoch", "loss"}}, []string{"1,0.5"}, []command.Observation{at(1, tourney.Metrics{"loss": 0.5})}},
	} {
		if got := observations(t, c.source, c.lines...); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: %.200q\nread as %v\nwant    %v", c.source, c.lines, got, c.want)
		}
	}
}

func TestReports(t *testing.T) {
	o, err := command.ReadReport([]byte(`{"step":3,"metrics":{"loss":0.1,"val":{"acc":NaN}}}`))
	if err != nil || !o.HasStep || o.Step != 3 || o.Metrics["loss"] != 0.1 || !math.IsNaN(o.Metrics["val.acc"]) {
		t.Errorf("%+v, error %v", o, err)
	}
	for _, bad := range []string{``, `[]`, `{"step": -1}`, `{"step": 1.5}`, `{"metrics": 3}`} {
		if _, err := command.ReadReport([]byte(bad)); !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}

// scalars.tfevents was written by tensorboard 2.21.0: simple values as
// TensorFlow 1 and PyTorch write them, tensors as TensorFlow 2 does.
func TestEventFiles(t *testing.T) {
	data, err := os.ReadFile("testdata/scalars.tfevents")
	if err != nil {
		t.Fatal(err)
	}
	type scalar struct {
		step int
		tag  string
		v    float64
	}
	want := []scalar{{1, "loss", 0.5}, {1, "acc", 0.25}, {2, "loss", 0.125}, {3, "loss", math.NaN()}, {4, "d", 0.1}, {4, "i", -7}}
	for _, piece := range []int{1, 7, len(data)} {
		r := &command.EventReader{}
		var got []scalar
		for b := range slices.Chunk(data, piece) {
			found, err := r.Feed(b)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range found {
				for tag, v := range o.Metrics {
					got = append(got, scalar{o.Step, tag, v})
				}
			}
		}
		same := slices.EqualFunc(got, want, func(a, b scalar) bool {
			return a.step == b.step && a.tag == b.tag && (a.v == b.v || math.IsNaN(a.v) && math.IsNaN(b.v))
		})
		if !same {
			t.Errorf("in pieces of %d bytes: %v\nwant %v", piece, got, want)
		}
	}
	for i := range data { // every byte is under a checksum
		broken := slices.Clone(data)
		broken[i] ^= 4
		if _, err := new(command.EventReader).Feed(broken); err == nil && i >= 12 {
			t.Errorf("byte %d was changed, and nobody saw it", i)
		}
	}
}

func FuzzEventFiles(f *testing.F) {
	if data, err := os.ReadFile("testdata/scalars.tfevents"); err == nil {
		f.Add(data[12 : 12+binary.LittleEndian.Uint64(data)])
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		mask := func(b []byte) uint32 {
			c := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
			return (c>>15 | c<<17) + 0xa282ead8
		}
		rec := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
		rec = binary.LittleEndian.AppendUint32(rec, mask(rec))
		rec = binary.LittleEndian.AppendUint32(append(rec, event...), mask(event))
		_, _ = new(command.EventReader).Feed(rec)
	})
}

func FuzzLines(f *testing.F) {
	for _, s := range []string{`{"a": {"b": NaN}}`, "a=1 b=nan", "1,2,3", "step=9999999999999999999 loss=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, m := range []tourney.MetricSource{{}, {Format: "csv", Columns: []string{"step", "loss"}}} {
			for _, o := range observations(t, m, line) {
				if o.Step < 0 || len(o.Metrics) == 0 {
					t.Errorf("%q is read as %+v", line, o)
				}
			}
		}
	})
}

func collect(c *command.Collector, all ...command.Observation) (points []tourney.Point) {
	for _, o := range all {
		p, _ := c.Add(o)
		points = append(points, p...)
	}
	return append(points, c.Flush()...)
}

func TestCollector(t *testing.T) {
	loss := func(v float64) command.Observation { return command.Observation{Metrics: tourney.Metrics{"loss": v}} }
	at := func(step int, m tourney.Metrics) command.Observation {
		return command.Observation{Step: step, HasStep: true, Metrics: m}
	}
	acc := command.Observation{Metrics: tourney.Metrics{"acc": 9}}
	metric := tourney.Metric{Name: "loss", Goal: tourney.Minimize}
	for name, c := range map[string]struct {
		with command.Collector
		all  []command.Observation
		want []tourney.Point
	}{
		"counted without steps": {command.Collector{}, []command.Observation{loss(3), acc, loss(2)}, []tourney.Point{{Step: 1, Metrics: tourney.Metrics{"loss": 3}}, {Step: 2, Metrics: tourney.Metrics{"loss": 2, "acc": 9}}}},
		"going on":              {command.Collector{From: 4}, []command.Observation{loss(3)}, []tourney.Point{{Step: 5, Metrics: tourney.Metrics{"loss": 3}}}},
		"one step, several reports": {
			command.Collector{},
			[]command.Observation{at(10, tourney.Metrics{"loss": 1}), at(10, tourney.Metrics{"acc": 2}), at(20, tourney.Metrics{"loss": 3})},
			[]tourney.Point{{Step: 10, Metrics: tourney.Metrics{"loss": 1, "acc": 2}}, {Step: 20, Metrics: tourney.Metrics{"loss": 3}}},
		},
		"counted in spite of steps": {
			command.Collector{Counted: true},
			[]command.Observation{at(10, tourney.Metrics{"loss": 1}), at(10, tourney.Metrics{"acc": 2}), at(20, tourney.Metrics{"loss": 3})},
			[]tourney.Point{{Step: 1, Metrics: tourney.Metrics{"loss": 1}}, {Step: 2, Metrics: tourney.Metrics{"loss": 3, "acc": 2}}},
		},
		"not finite, but not the metric": {command.Collector{}, []command.Observation{at(1, tourney.Metrics{"loss": 1, "acc": math.NaN()})}, []tourney.Point{{Step: 1, Metrics: tourney.Metrics{"loss": 1}}}},
	} {
		c.with.Metric = metric
		if got := collect(&c.with, c.all...); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	c := command.Collector{Metric: metric}
	collect(&c, loss(2), loss(1), loss(3))
	if last := c.Result(); *last.Value != 3 || last.Step != 3 {
		t.Errorf("the result is %v at %d, want the last", *last.Value, last.Step)
	}
	c.Metric.Of = "best"
	if best := c.Result(); *best.Value != 1 || best.Step != 2 {
		t.Errorf("the best is %v at %d", *best.Value, best.Step)
	}
	if _, ok := c.Add(loss(math.Inf(1))); ok {
		t.Error("an infinite loss has not diverged")
	}
}
