package tourney_test

import (
	"context"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
)

// floors are the least versions of libraries that had holes or bugs that
// matter to us in the ones before.
var floors = []struct{ module, version, why string }{
	{"github.com/nats-io/nats-server/v2", "v2.14.3", "advisories of 2026: route authentication, queue subscribe deny"},
	{"github.com/mattn/go-sqlite3", "v1.14.49", "SQLite 3.51.3: the WAL-reset corruption"},
	{"github.com/labstack/echo/v4", "v4.16.0", "CVE-2026-55677, path traversal of static files; its BodyDump, broken until 4.16.1, is not used"},
}

func TestVersionFloors(t *testing.T) {
	mod := readFile(t, "go.mod")
	for _, f := range floors {
		m := regexp.MustCompile(regexp.QuoteMeta(f.module) + ` (v\S+)`).FindStringSubmatch(mod)
		if m == nil {
			t.Errorf("%s is not in go.mod", f.module)
			continue
		}
		if less(m[1], f.version) {
			t.Errorf("%s %s is below %s: %s", f.module, m[1], f.version, f.why)
		}
	}
}

// less compares versions vX.Y.Z.
func less(a, b string) bool {
	x, y := strings.Split(strings.TrimPrefix(a, "v"), "."), strings.Split(strings.TrimPrefix(b, "v"), ".")
	for i := range min(len(x), len(y)) {
		p, _ := strconv.Atoi(x[i])
		q, _ := strconv.Atoi(y[i])
		if p != q {
			return p < q
		}
	}
	return false
}

func TestLess(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"v2.14.2", "v2.14.3", true}, {"v2.15.0", "v2.14.3", false}, {"v2.14.3", "v2.14.3", false}, {"v1.9.0", "v1.10.0", true}} {
		if got := less(tt.a, tt.b); got != tt.want {
			t.Errorf("less(%s, %s) = %v", tt.a, tt.b, got)
		}
	}
}

// echo's body dump keeps whole bodies in memory.
func TestNoBodyDump(t *testing.T) {
	entries, err := os.ReadDir("api")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".go") && strings.Contains(readFile(t, "api/"+e.Name()), "BodyDump") {
			t.Errorf("api/%s uses BodyDump", e.Name())
		}
	}
}

// The compose file is one: every key known, every service with an image, and
// the command lines of ours are ones that the binary takes (cmd/tourney tests
// those).
func TestComposeFile(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{"docker-compose.yml"}, cli.WithName("tourney"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nats", "coordinator", "worker"} {
		s, err := project.GetService(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Image == "" {
			t.Errorf("service %s has no image", name)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("service %s publishes port %s on %q, not on loopback alone", name, p.Published, p.HostIP)
			}
		}
	}
}

func TestComposeFileIsStrict(t *testing.T) {
	bad := strings.Replace(readFile(t, "docker-compose.yml"), "stop_grace_period", "stop_grace_perod", 1)
	file := t.TempDir() + "/docker-compose.yml"
	if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := cli.NewProjectOptions([]string{file}, cli.WithName("tourney"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := options.LoadProject(context.Background()); err == nil {
		t.Error("a misspelt key is taken")
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
