package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	nats "github.com/nats-io/nats-server/v2/server"

	"tourney"
)

// The command lines of the compose file are ones that the binary takes.
func TestComposeCommands(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{"../../docker-compose.yml"}, cli.WithName("tourney"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, s := range project.Services {
		if s.Image != "tourney" {
			continue
		}
		lines := [][]string{s.Command}
		if s.HealthCheck != nil {
			lines = append(lines, s.HealthCheck.Test[2:]) // after CMD and the binary
		}
		for _, line := range lines {
			seen++
			cmd, rest, err := newRoot().Find(line)
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil {
				err = cmd.ValidateArgs(cmd.Flags().Args())
			}
			if err != nil {
				t.Errorf("service %s: tourney %v: %v", s.Name, line, err)
			}
		}
	}
	if seen != 3 {
		t.Errorf("%d command lines looked at, want 3", seen)
	}
}

// A NATS server of its own carries a sweep as the embedded one does, to the same
// board; restarted in the middle, it costs time alone.
func TestExternalNATS(t *testing.T) {
	want := undisturbed(t, steady)
	store := t.TempDir()
	bus := startNATS(t, store, nats.RANDOM_PORT)
	url := bus.ClientURL()
	data := dir(t)
	c := start(t, "coordinator", "--addr", "127.0.0.1:0", "--nats", url, "--trusted-network", "--data-dir", data, "--lease", "2s")
	api := c.url()
	w := start(t, "worker", "--server", api, "--slots", "2", "--cache-dir", filepath.Join(t.TempDir(), "cache"))
	w.await("training on")
	id := strings.TrimSpace(must(t, "sweep", "create", steady, "--server", api))
	untilSweep(t, api, id, func(s tourney.Sweep) bool { return reports(s) >= 10 })
	port := bus.Addr().(*net.TCPAddr).Port
	bus.Shutdown()
	bus.WaitForShutdown()
	startNATS(t, store, port)
	must(t, "sweep", "watch", id, "--server", api)
	sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", api), want)
}

// startNATS starts a NATS server with JetStream on loopback.
func startNATS(t *testing.T, store string, port int) *nats.Server {
	t.Helper()
	s, err := nats.NewServer(&nats.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: store, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server does not come up")
	}
	t.Cleanup(s.Shutdown)
	return s
}
