package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"tourney/cmd/internal/cli"
	"tourney/cmd/internal/fleet"
)

// parses wants tourney-worker to take a command line.
func parses(t *testing.T, where string, args []string) {
	t.Helper()
	cmd := fleet.NewCommand("tourney-worker", "test")
	cli.Prepare(cmd)
	err := cmd.ParseFlags(args)
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: tourney-worker %v: %v", where, args, err)
	}
}

// The command lines of the examples are ones that the worker takes, the
// variables that they set are of its flags, and each leaves it the time to leave.
func TestDeployments(t *testing.T) {
	unit := readText(t, "../../deploy/tourney-worker.service")
	line := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/tourney-worker (.*)$`).FindStringSubmatch(unit)
	if line == nil || !strings.Contains(unit, "TimeoutStopSec=15") {
		t.Fatal("the unit starts no worker, or gives it no time")
	}
	parses(t, "unit", strings.Fields(line[1]))

	var deployment struct {
		Spec struct {
			Template struct {
				Spec struct {
					Grace      int `yaml:"terminationGracePeriodSeconds"`
					Containers []struct {
						Command, Args []string
						Env           []struct{ Name string }
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal([]byte(readText(t, "../../deploy/worker.yaml")), &deployment); err != nil {
		t.Fatal(err)
	}
	pod := deployment.Spec.Template.Spec
	if pod.Grace < 12 || len(pod.Containers) != 1 || strings.Join(pod.Containers[0].Command, " ") != "tourney-worker" {
		t.Fatalf("the pod is %+v", pod)
	}
	parses(t, "deployment", pod.Containers[0].Args)
	variables := []string{}
	for _, e := range pod.Containers[0].Env {
		variables = append(variables, e.Name)
	}

	var init struct {
		Files []struct{ Content string } `yaml:"write_files"`
	}
	if err := yaml.Unmarshal([]byte(readText(t, "../../deploy/cloud-init.yaml")), &init); err != nil || len(init.Files) != 1 {
		t.Fatalf("cloud-init: %v, %d files", err, len(init.Files))
	}
	for _, l := range strings.Split(strings.TrimSpace(init.Files[0].Content), "\n") {
		name, _, _ := strings.Cut(l, "=")
		variables = append(variables, name)
	}
	cmd := fleet.NewCommand("tourney-worker", "test")
	for _, v := range variables {
		flag := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(v, "TOURNEY_")), "_", "-")
		if !strings.HasPrefix(v, "TOURNEY_") || cmd.PersistentFlags().Lookup(flag) == nil && cmd.Flags().Lookup(flag) == nil {
			t.Errorf("%s is of no flag", v)
		}
	}
	if len(variables) != 4 {
		t.Errorf("%d variables, want 4", len(variables))
	}
	// The guide's command lines are right as well.
	for _, m := range regexp.MustCompile("(?m)^ *tourney-worker (--.*)$").FindAllStringSubmatch(readText(t, "../../docs/fleet.md"), -1) {
		parses(t, "docs/fleet.md", strings.Fields(m[1]))
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
