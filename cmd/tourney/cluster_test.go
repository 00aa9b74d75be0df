package main

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	nats "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"tourney"
	"tourney/bus/account"
)

// natsServerMain is the program nats-server, as its own main is.
func natsServerMain(args []string) int {
	quit := func() { os.Exit(2) }
	opts, err := nats.ConfigureOptions(flag.NewFlagSet("nats-server", flag.ExitOnError), args, quit, quit, quit)
	if err == nil {
		var s *nats.Server
		if s, err = nats.NewServer(opts); err == nil {
			s.ConfigureLogger()
			if err = nats.Run(s); err == nil {
				s.WaitForShutdown()
				return 0
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// cluster is three NATS servers with an account for us.
type cluster struct {
	servers map[string]*process // by name
	url     string              // of all of them
	key     string              // file of the account's signing key
	account string
}

// keyOf returns a new key pair and its public key.
func keyOf(t *testing.T, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return pair, public
}

// startCluster starts three servers under one operator, whose account for us has a
// signing key.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	signed := func(c jwt.Claims, by nkeys.KeyPair) string {
		token, err := c.Encode(by)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	op, opPub := keyOf(t, nkeys.CreateOperator)
	_, sysPub := keyOf(t, nkeys.CreateAccount)
	_, pub := keyOf(t, nkeys.CreateAccount)
	signing, signingPub := keyOf(t, nkeys.CreateAccount)
	operator := jwt.NewOperatorClaims(opPub)
	operator.SystemAccount = sysPub
	ours := jwt.NewAccountClaims(pub)
	ours.SigningKeys.Add(signingPub)
	ours.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1, Streams: -1, Consumer: -1}
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	seed, err := signing.Seed()
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{servers: map[string]*process{}, key: write("signing", string(seed)), account: pub}
	common := fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: {%s: %s, %s: %s}\n",
		signed(operator, op), sysPub, pub, signed(ours, op), sysPub, signed(jwt.NewAccountClaims(sysPub), op))
	var clients, routes []string
	for range 3 {
		clients, routes = append(clients, freePort(t)), append(routes, freePort(t))
	}
	c.url = "nats://" + strings.Join(clients, ",nats://")
	for i := range clients {
		name := fmt.Sprintf("n%d", i)
		config := write(name, common+fmt.Sprintf("server_name: %s\nlisten: %q\njetstream: {store_dir: %q}\ncluster: {name: c, listen: %q, routes: [%s]}\n",
			name, clients[i], filepath.Join(dir, name+".store"), routes[i], `"nats://`+strings.Join(routes, `", "nats://`)+`"`))
		c.servers[name] = startWith(t, []string{"TOURNEY_TEST_MAIN=nats-server"}, "-c", config)
	}
	return c
}

// stream looks a stream up as the coordinator does, once the cluster answers.
func (c *cluster) stream(t *testing.T, name string) *jetstream.StreamInfo {
	t.Helper()
	gate, err := account.Open(account.Options{URL: c.url, KeyFile: c.key, Account: c.account})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := gate.Connect(c.url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo()
}

// Three NATS servers of somebody else's hold every message three times; each worker
// has a user of its own there, which the coordinator signs. The server that leads
// the reports is killed in the middle, and stays dead: the board is the same.
func TestNATSCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Parallel() // it waits more than it does
	want := undisturbed(t, steady)
	nats := startCluster(t)
	data := dir(t)
	args := []string{
		"coordinator", "--addr", "127.0.0.1:0", "--nats", nats.url, "--nats-signing-key", nats.key, "--nats-account", nats.account,
		"--nats-replicas", "3", "--data-dir", data, "--lease", "2s",
	}
	// A cluster takes no stream before its servers have found each other.
	var c *process
	var url string
	for deadline := time.Now().Add(time.Minute); url == "" && time.Now().Before(deadline); {
		c = start(t, args...)
		url = c.urlOrEnd()
	}
	if url == "" {
		t.Fatal("the coordinator does not come up")
	}
	cache := t.TempDir()
	for range 2 {
		start(t, "worker", "--server", url, "--slots", "1", "--cache-dir", cache)
	}
	id := strings.TrimSpace(must(t, "sweep", "create", steady, "--server", url))
	untilSweep(t, url, id, func(s tourney.Sweep) bool { return reports(s) >= 20 })
	info := nats.stream(t, "REPORTS")
	if info.Config.Replicas != 3 || info.Cluster == nil || len(info.Cluster.Replicas) != 2 {
		t.Fatalf("the reports are on %d servers, want 3: %+v", info.Config.Replicas, info.Cluster)
	}
	leader := nats.servers[info.Cluster.Leader]
	if leader == nil {
		t.Fatalf("the reports' leader is %q", info.Cluster.Leader)
	}
	leader.kill()
	if s := untilSweep(t, url, id, func(tourney.Sweep) bool { return true }); s.State.Terminal() {
		t.Fatal("the sweep was over before the server was killed")
	}
	must(t, "sweep", "watch", id, "--server", url)
	sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", url), want)
	if after := nats.stream(t, "REPORTS"); after.Cluster.Leader == info.Cluster.Leader {
		t.Errorf("%s, which is dead, leads the reports still", after.Cluster.Leader)
	}
	if code := c.terminate(); code != 0 {
		t.Errorf("the coordinator exits with %d", code)
	}
	proven(t, data, id)
}

// urlOrEnd is url, or empty if the process ended before.
func (p *process) urlOrEnd() string {
	p.t.Helper()
	for {
		select {
		case line := <-p.lines:
			if _, url, ok := strings.Cut(line, "API on "); ok {
				return url
			}
		case <-p.done:
			_ = p.Wait()
			return ""
		}
	}
}
