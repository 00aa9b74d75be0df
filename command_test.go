package tourney_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"tourney"
)

const commandFile = `program: train.py
method: random
run_cap: 10
metric: {name: loss}
parameters:
  lr: {min: 0.1, max: 1.0}
`

// A file of W&B runs as it is: without a goal the metric is minimized, without
// a command it has W&B's.
func TestCommandFile(t *testing.T) {
	spec, err := tourney.ParseSpec([]byte(commandFile), "sweep.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !spec.Runs() || spec.Trainer != tourney.TrainerCommand || spec.Order != tourney.OrderArrival || spec.Metric.Goal != tourney.Minimize || spec.Refits() {
		t.Errorf("%+v", spec)
	}
	if got := spec.Fixed("python"); !reflect.DeepEqual(got, []string{"/usr/bin/env", "python", "train.py"}) {
		t.Errorf("the part that is the same in every trial is %q", got)
	}
}

func TestCommandRoundTrip(t *testing.T) {
	text := commandFile + `command: ["${env}", "${interpreter}", -u, "${program}", "--rate=${lr}", "${args_no_boolean_flags}"]
env: {COLOUR: "blue ${lr}"}
metrics_from:
  - json
  - {regex: 'loss (?P<loss>\S+)', file: out/log.txt}
  - {tensorboard: runs}
  - {format: csv, columns: [step, loss]}
resumable: true
timeout: 90m
resources: {cpus: 2, gpus: 1, memory: 8GiB}
wandb: shim
early_terminate: {type: asha, min_iter: 1, max_iter: 27}
`
	spec, err := tourney.ParseSpec([]byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	want := []tourney.MetricSource{
		{Format: "json"},
		{Format: "regex", Regex: `loss (?P<loss>\S+)`, File: "out/log.txt"},
		{Format: "tensorboard", File: "runs"},
		{Format: "csv", Columns: []string{"step", "loss"}},
	}
	if !reflect.DeepEqual(spec.MetricsFrom, want) || spec.Timeout != 5400 || spec.Resources.Memory != 8<<30 || spec.EarlyTerminate.Stop || spec.Streams() {
		t.Errorf("%+v", spec.Command)
	}
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	again, err := tourney.ParseSpec(data, "")
	if err != nil || !reflect.DeepEqual(again.Command, spec.Command) {
		t.Errorf("written and read again: %+v, error %v", again.Command, err)
	}
	var stored tourney.Spec
	if err := json.Unmarshal(data, &stored); err != nil || !reflect.DeepEqual(stored.Command, spec.Command) {
		t.Errorf("stored and read again: %+v, error %v", stored.Command, err)
	}
}

func TestCommandErrors(t *testing.T) {
	for add, want := range map[string]string{
		"dataset: x":                                     "dataset: means nothing to a command",
		"trainer: linear":                                "trainer: a file with program or command has trainer command",
		"order: fixed":                                   "order: what a program prints is folded as it comes",
		`command: ["${program}", "${agrs}"]`:             `command.1: ${agrs} is neither a macro nor a parameter; did you mean "args"?`,
		`command: ["${program}", "--all=${args}"]`:       "command.1: ${args} has to be an element of command by itself",
		`command: ["${args}"]`:                           "command.0: which program runs must not depend on the trial",
		`command: ["run-${lr}"]`:                         "command.0: which program runs must not depend on the trial",
		`command: []`:                                    "command: is empty",
		"env: {TOURNEY_X: a}":                            "env.TOURNEY_X: names that begin with TOURNEY_ are ours",
		"env: {1A: a}":                                   "env.1A: is no name",
		`env: {A: "${args}"}`:                            "env.A: ${args} has to be an element of command by itself",
		"metrics_from: [jsno]":                           `metrics_from.0.format: "jsno" is no format; did you mean "json"?`,
		"metrics_from: [{regex: '('}]":                   "metrics_from.0.regex: error parsing regexp",
		"metrics_from: [{regex: 'a(b)'}]":                "metrics_from.0.regex: names no group",
		"metrics_from: [{format: json, file: ../x}]":     "metrics_from.0.file: ",
		"metrics_from: [tensorboard]":                    "metrics_from.0.file: is missing",
		"resources: {memory: lots}":                      "resources.memory: must be a number of bytes",
		"resources: {gpus: 0}":                           "resources.gpus: must be a whole number, 1 or more",
		"wandb: real":                                    `wandb: "real" must be shim`,
		"timeout: -3":                                    "timeout: must be seconds",
		"early_terminate: {type: pbt, max_iter: 9}":      "early_terminate.type: pbt goes on with trials that had stopped",
		"resumable: yes please":                          "resumable: must be true or false",
		"metrics: [{name: a, goal: minimize, of: mean}]": `metrics.0.of: "mean" must be best or last`,
	} {
		_, err := tourney.ParseSpec([]byte(commandFile+add+"\n"), "")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got  %v\n want %s", add, err, want)
		}
	}
	if _, err := tourney.ParseSpec([]byte(strings.Replace(commandFile, "metric: {name: loss}\n", "", 1)), ""); err == nil || !strings.Contains(err.Error(), "metric.name: is missing: name what the program reports") {
		t.Errorf("without a metric: %v", err)
	}
	if _, err := tourney.ParseSpec([]byte("trainer: command\nrun_cap: 1\nmetric: {name: a}\nparameters: {x: {value: 1}}\n"), ""); err == nil || !strings.Contains(err.Error(), "program: is missing") {
		t.Errorf("without a program: %v", err)
	}
}

// Without a state to go on from, asha stops trials for good.
func TestCommandStreams(t *testing.T) {
	spec, err := tourney.ParseSpec([]byte(commandFile+"early_terminate: {type: asha, max_iter: 9}\n"), "")
	if err != nil || !spec.EarlyTerminate.Stop || !spec.Streams() {
		t.Errorf("%+v, error %v", spec.EarlyTerminate, err)
	}
}

func TestAllowed(t *testing.T) {
	c := &tourney.Command{Program: "train.py", Argv: []string{"${env}", "${interpreter}", "${program}", "--fixed", "--lr=${lr}", "after"}}
	for _, tt := range []struct {
		prefix []string
		want   bool
	}{
		{[]string{"/usr/bin/env", "python", "train.py"}, true},
		{[]string{"/usr/bin/env", "python3", "train.py"}, true},
		{[]string{"/usr/bin/env", "python", "train.py", "--fixed"}, true},
		{[]string{"/usr/bin/env", "python", "other.py"}, false},
		{[]string{"/usr/bin/env", "ruby"}, false},
		{[]string{"/usr/bin/env", "python", "train.py", "--fixed", "--lr=0.1"}, false},
		{[]string{"/usr/bin/env", "python", "train.py", "--fixed", "--lr=${lr}"}, false},
		{nil, false},
	} {
		if got := c.Allowed([][]string{tt.prefix}); got != tt.want {
			t.Errorf("%q allows it: %v, want %v", tt.prefix, got, tt.want)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "512": 512, "8GiB": 8 << 30, "8 GiB": 8 << 30, "8G": 8e9, "500MB": 500e6, "1kB": 1000, "1KiB": 1024, "3B": 3, "2T": 2e12} {
		if got, err := tourney.ParseBytes(text); err != nil || got != want {
			t.Errorf("%s is %d, error %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "1.5G", "8 potatoes", "999999999999999T", "iB"} {
		if got, err := tourney.ParseBytes(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}
