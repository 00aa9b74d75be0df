package main

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney"
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

// A grid visits each cell once.
func TestRunGrid(t *testing.T) {
	file := sweepFile(t, "method: random", "method: grid", "run_cap: 4\n", "",
		"learning_rate: {min: 0.01, max: 1.0}", "learning_rate: {values: [0.1, 1]}\n  batch_size: {values: [8, 16, 32]}")
	o := result(t, must(t, "run", file, "--json", "--data-dir", dir(t)))
	cells := map[string]bool{}
	for _, trial := range o.Leaderboard {
		cells[trial.Params.Key()] = true
	}
	if len(o.Leaderboard) != 6 || len(cells) != 6 {
		t.Errorf("%d trials in %d cells, want 6 of 6", len(o.Leaderboard), len(cells))
	}
}

// Numbers to predict make it regression, with metrics of its own.
func TestRunRegression(t *testing.T) {
	file := sweepFile(t, "accuracy", "r2")
	rows := "a,b,y\n"
	for i := range 200 {
		a, b := float64(i%17), float64(i%5)
		rows += fmt.Sprintf("%v,%v,%v\n", a, b, 100+3*a-7*b) // a plane, which a linear model fits wholly
	}
	write(t, filepath.Join(filepath.Dir(file), "table.csv"), rows)
	o := result(t, must(t, "run", file, "--json", "--data-dir", dir(t)))
	if r2 := o.Best.Metrics["test_r2"]; r2 < 0.999 {
		t.Errorf("r2 on the sealed rows is %v: %v", r2, o.Best.Metrics)
	}
}

// Under order arrival the log alone can be replayed, and it can.
func TestRunArrival(t *testing.T) {
	data := dir(t)
	o := result(t, must(t, "run", sweepFile(t, "run_cap: 4", "run_cap: 30\norder: arrival\nparallelism: 7\nearly_terminate: {type: asha, max_iter: 9}"), "--json", "--data-dir", data))
	if o.Sweep.State != tourney.SweepCompleted || len(o.Leaderboard) != 30 {
		t.Errorf("the sweep is %s with %d trials", o.Sweep.State, len(o.Leaderboard))
	}
	proven(t, data, o.Sweep.ID)
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

// A data directory that somebody wrote to by hand does not pass.
func TestVerifyFindsTampering(t *testing.T) {
	const terminal = `DROP TRIGGER IF EXISTS trials_end; DROP TRIGGER IF EXISTS sweeps_end; `
	data := dir(t)
	o := result(t, must(t, "run", sweepFile(t), "--json", "--data-dir", data))
	for _, tt := range []struct{ name, sql, want string }{
		{"a value", `UPDATE trials SET value = value / 2 WHERE number = 0`, "trial 0 is not as its last report left it"},
		{"parameters", `UPDATE trials SET params = '{"learning_rate":0.5}' WHERE number = 1`, "trial 1 has the parameters"},
		{"a lost event", `DELETE FROM events WHERE seq = (SELECT min(seq) FROM events WHERE seq >= 5)`, "sweep " + o.Sweep.ID},
		{"a decision", `DROP TRIGGER events_stay; UPDATE events SET body = (
				SELECT '[' || group_concat(CASE WHEN value ->> '$[1].trial' = 2 AND value ->> '$[0]' = 'proposed'
					THEN json_set(value, '$[1].params.learning_rate', 0.25) ELSE value END, ',') || ']' FROM json_each(body))
			WHERE kind = 'batch'`, "event"},
		{"a sweep's state", terminal + `UPDATE sweeps SET state = 'failed'`, "INV-16: sweep " + o.Sweep.ID + " is failed, but its log says completed"},
		{"a trial's state", terminal + `UPDATE trials SET state = 'diverged' WHERE number = 0`, "INV-16: sweep " + o.Sweep.ID + ": trial 0 is diverged, but its log says"},
		{"a trial's number", terminal + `UPDATE trials SET number = 9999 WHERE number = 2`, "INV-16: sweep " + o.Sweep.ID + ": trial 9999 is in no event"},
		{"a lost trial", terminal + `UPDATE trials SET number = 9999 WHERE number = 2`, "INV-1: sweep " + o.Sweep.ID + ": trial 2 is lost"},
		{"a spec", `UPDATE sweeps SET spec = json_set(spec, '$.method', 'prayer')`, "INV-16: sweep " + o.Sweep.ID + ": "},
		{"a dataset", terminal + `UPDATE sweeps SET state = 'running'; DELETE FROM datasets`, "INV-20: sweep " + o.Sweep.ID + ": its dataset"},
		{
			"a checkpoint", `DROP INDEX IF EXISTS jobs_open; UPDATE jobs SET state = 'queued', checkpoint = '{"blob":"` + strings.Repeat("f", 64) + `","step":1,"size":1}' WHERE trial = 0 AND rung = 0`,
			"INV-8: job " + o.Sweep.ID + "/0@0: blob " + strings.Repeat("f", 64),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(copied, os.DirFS(data)); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite3", filepath.Join(copied, "tourney.db"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecContext(t.Context(), tt.sql); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			stdout, stderr, code := play(t, "verify", copied)
			if code != 1 || !strings.Contains(stdout, tt.want) {
				t.Errorf("exit %d, want 1 and %q\n%s%s", code, tt.want, stdout, stderr)
			}
		})
	}
	blobs, err := filepath.Glob(filepath.Join(data, "blobs", "sha256", "*", "*"))
	if err != nil || len(blobs) == 0 {
		t.Fatalf("no blobs: %v", err)
	}
	for _, b := range blobs {
		if err := os.Chmod(b, 0o600); err != nil {
			t.Fatal(err)
		}
		write(t, b, "rubbish")
	}
	if stdout, _, code := play(t, "verify", data); code != 1 || !strings.Contains(stdout, "blob") {
		t.Errorf("with rubbish for blobs: exit %d\n%s", code, stdout)
	}
}
