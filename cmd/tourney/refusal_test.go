package main

import (
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sweepFile writes a sweep over a small table and returns its path; edit
// changes the text first.
func sweepFile(t *testing.T, edit ...string) string {
	t.Helper()
	dir := t.TempDir()
	text := strings.NewReplacer(edit...).Replace(`dataset: table.csv
target: y
trainer: linear
method: random
metric: {name: accuracy}
run_cap: 4
parameters:
  learning_rate: {min: 0.01, max: 1.0}
`)
	rows := "a,b,y\n"
	for i := range 40 {
		rows += []string{"1,x,no\n", "2,y,yes\n", "3,x,yes\n", "0,,no\n"}[i%4]
	}
	write(t, filepath.Join(dir, "table.csv"), rows)
	file := filepath.Join(dir, "sweep.yaml")
	write(t, file, text)
	return file
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A small sweep over a table with numbers, categories and missing values.
func TestRunSmallTable(t *testing.T) {
	out := must(t, "run", sweepFile(t), "--data-dir", dir(t), "--workers", "1")
	for _, want := range []string{"winner: trial ", "learning_rate", "validation accuracy: ", "sealed test accuracy: "} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// Bad input gets one clear line that says what, where, and what would be
// right; a nonzero exit; and nothing half-created.
func TestRefusals(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"unknown key", []string{"run", sweepFile(t, "run_cap", "run_capp")}, 2, `sweep.yaml:6: run_capp: unknown key; did you mean "run_cap"?`},
		{"empty range", []string{"run", sweepFile(t, "min: 0.01", "min: 1.0")}, 2, `sweep.yaml:8: parameters.learning_rate.min: the range is empty: min 1 must be less than max 1`},
		{"missing file", []string{"run", "nowhere.yaml"}, 2, `nowhere.yaml: no such file`},
		{"missing dataset", []string{"run", sweepFile(t, "table.csv", "tabel.csv")}, 2, `sweep.yaml: dataset: there is no file `},
		{"unregistered dataset", []string{"run", sweepFile(t, "table.csv", "table9")}, 2, `dataset: there is no dataset "table9"; register it first`},
		{"no target", []string{"run", sweepFile(t, "target: y\n", "")}, 2, `target`},
		{"wrong target", []string{"run", sweepFile(t, "target: y", "target: yy")}, 2, `table.csv`},
		{"metric of another task", []string{"run", sweepFile(t, "accuracy", "rmse")}, 2, `metric.name: rmse does not fit`},
		{"unknown metric", []string{"run", sweepFile(t, "accuracy", "acc")}, 2, `metric.name: no metric "acc"`},
		{"unknown trainer", []string{"run", sweepFile(t, "linear", "liner")}, 2, `trainer: `},
		{"unknown parameter", []string{"run", sweepFile(t, "learning_rate", "learning_rte")}, 2, `did you mean "learning_rate"?`},
		{"parameter out of range", []string{"run", sweepFile(t, "min: 0.01", "min: -1")}, 2, `parameters.learning_rate`},
		{"busy port", []string{"up", "--addr", busy.Addr().String()}, 1, `address ` + busy.Addr().String() + `: another program listens there; stop it, or choose another with --addr`},
		{"busy port of the coordinator", []string{"coordinator", "--addr", busy.Addr().String()}, 1, `another program listens there`},
		{"busy port of the bus", []string{"coordinator", "--addr", "127.0.0.1:0", "--nats-listen", busy.Addr().String()}, 1, busy.Addr().String()},
		{"public address", []string{"up", "--addr", "0.0.0.0:0"}, 3, `reachable from other machines`},
		{"public bus", []string{"up", "--nats-listen", "0.0.0.0:0"}, 3, `reachable from other machines`},
		{"shared bus", []string{"coordinator", "--nats", "nats://127.0.0.1:1"}, 3, `--trusted-network`},
		{"no command", []string{"rnu"}, 2, `no command "tourney rnu"; did you mean "run"?`},
		{"no subcommand", []string{"sweep", "lst"}, 2, `did you mean "list"?`},
		{"unknown flag", []string{"run", "--wrokers", "3"}, 2, `--wrokers`},
		{"no workers", []string{"run", sweepFile(t), "--workers", "0"}, 2, `--workers must be at least 1`},
		{"nothing to run", []string{"run"}, 2, `name a sweep file`},
		{"no server", []string{"sweep", "list", "--server", "http://127.0.0.1:1"}, 1, `is the server running? start one with tourney up`},
		{"no data directory", []string{"verify", t.TempDir()}, 2, `is no data directory`},
		{"log level", []string{"up", "--log-level", "loud"}, 2, `--log-level "loud" must be debug, info, warn or error`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := dir(t)
			args := tt.args
			if args[0] == "run" || args[0] == "up" || args[0] == "coordinator" {
				args = append(args, "--data-dir", data)
			}
			stdout, stderr, code := play(t, args...)
			if code != tt.code || !strings.Contains(stderr, tt.want) {
				t.Errorf("exit %d, want %d\n%s\nwant %s", code, tt.code, stderr, tt.want)
			}
			if stdout != "" {
				t.Errorf("stdout: %s", stdout)
			}
			if strings.Contains(stderr, "goroutine ") || strings.Count(strings.TrimSpace(stderr), "\n") > 1 {
				t.Errorf("more than a line:\n%s", stderr)
			}
			if args[0] != "run" {
				if _, err := os.Stat(filepath.Join(data, "tourney.db")); err == nil {
					t.Error("a database was created all the same")
				}
			}
		})
	}
}

// A data directory has one coordinator; the second is told who has it.
func TestDirectoryInUse(t *testing.T) {
	data := dir(t)
	up := start(t, "up", "--addr", "127.0.0.1:0", "--workers", "0", "--data-dir", data)
	up.url()
	_, stderr, code := play(t, "up", "--addr", "127.0.0.1:0", "--data-dir", data)
	if code != 1 || !strings.Contains(stderr, data) || !strings.Contains(stderr, "in use") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if _, stderr, code := play(t, "verify", data); code != 1 || !strings.Contains(stderr, "in use") {
		t.Errorf("verify: exit %d: %s", code, stderr)
	}
}

// A data directory of a newer version is refused and left as it is.
func TestDirectoryOfNewerVersion(t *testing.T) {
	data := dir(t)
	up := start(t, "up", "--addr", "127.0.0.1:0", "--workers", "0", "--data-dir", data)
	up.url()
	up.terminate()
	db, err := sql.Open("sqlite3", filepath.Join(data, "tourney.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := play(t, "up", "--addr", "127.0.0.1:0", "--data-dir", data)
	if code != 3 || !strings.Contains(stderr, "newer") || !strings.Contains(stderr, data) {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
