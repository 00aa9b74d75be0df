package storetest

import (
	"database/sql"
	"encoding/json"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"

	"tourney"
)

func init() {
	sql.Register("sqlite3_pow", &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		return c.RegisterFunc("pow", math.Pow, true)
	}})
}

func viewSpec() tourney.Spec {
	return tourney.Spec{
		Name: "big", Dataset: "d", Trainer: "linear", Method: tourney.MethodRandom, RunCap: 200000,
		Metric:         tourney.Metric{Name: "accuracy", Goal: tourney.Maximize},
		EarlyTerminate: &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 9, Eta: 3},
		Parameters: tourney.Space{
			{Name: "a", Distribution: tourney.Uniform, Min: 0, Max: 1},
			{Name: "b", Distribution: tourney.LogUniformValues, Min: 1e-5, Max: 1},
			{Name: "c", Distribution: tourney.Categorical, Values: []any{"x", "y", "z"}},
			{Name: "e", Distribution: tourney.Uniform, Min: 0, Max: 1},
			{Name: "f", Distribution: tourney.IntUniform, Min: 1, Max: 64},
			{Name: "fixed", Distribution: tourney.Constant, Value: int64(3)},
		},
	}
}

// FillViews fills a data directory with a sweep of n trials by SQL alone. Trial i
// has a = frac(i·φ), b = 10^(-5·frac(i·√2)), c = the level i mod 3, and the
// value frac(i·√3). Every third has finished the second rung and every ninth
// the third; every 50th has failed, in one of 5 ways, and has neither c nor a
// value. Each rung was one attempt on one of 16 workers, of one second.
func FillViews(tb testing.TB, open Opener, dir string, n int) {
	tb.Helper()
	s, err := open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
	db, err := sql.Open("sqlite3_pow", filepath.Join(dir, "tourney.db")+"?_journal_mode=WAL&_synchronous=OFF")
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	spec := viewSpec()
	specText, err := json.Marshal(spec)
	if err != nil {
		tb.Fatal(err)
	}
	planText, err := json.Marshal(tourney.Plan{Dataset: "v", Budget: 9, Ladder: []int{1, 3, 9}})
	if err != nil {
		tb.Fatal(err)
	}
	for _, statement := range []string{
		`CREATE TEMP TABLE spec (spec TEXT, plan TEXT)`,
		`INSERT INTO spec VALUES ($1, $2)`,
		`INSERT INTO sweeps (id, name, spec, plan, dataset, goal, state, reason, created, started, last_seq, key_body)
			SELECT 's', 'big', spec, plan, 'v', 'maximize', 'running', '', 0, 0, 0, '' FROM spec`,
		`CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < $3)
			SELECT i, i % 50 = 49 AS failed, i * 1.7320508 - CAST(i * 1.7320508 AS INTEGER) AS value,
				CASE WHEN i % 50 = 49 THEN -1 WHEN i % 9 = 0 THEN 2 WHEN i % 3 = 0 THEN 1 ELSE 0 END AS rung FROM c`,
		`INSERT INTO trials (sweep, number, state, params, rung, step, best_step, value, loss, metrics, reason, error, attempts, created, ended)
			SELECT 's', i, CASE WHEN failed THEN 'failed' WHEN rung = 2 THEN 'completed' ELSE 'paused' END,
				CASE WHEN failed THEN json_object('a', i * 0.618034 - CAST(i * 0.618034 AS INTEGER), 'b', 1e-3, 'e', 0.5, 'f', 7, 'fixed', 3)
				ELSE json_object('a', i * 0.618034 - CAST(i * 0.618034 AS INTEGER), 'b', pow(10.0, -5.0 * (i * 1.4142135 - CAST(i * 1.4142135 AS INTEGER))),
					'c', CASE i % 3 WHEN 0 THEN 'x' WHEN 1 THEN 'y' ELSE 'z' END, 'e', (i % 1000) / 1000.0, 'f', 1 + i % 64, 'fixed', 3) END,
				rung, 1 + rung, 1 + rung, CASE WHEN failed THEN NULL ELSE value END, CASE WHEN failed THEN 0 ELSE -value END,
				json_object('accuracy', value), CASE WHEN failed THEN 'user_error' ELSE '' END,
				CASE WHEN failed THEN 'Traceback' || char(10) || 'line ' || i || ': cause ' || char(65 + i / 50 % 5) ELSE '' END,
				1 + max(rung, 0), i * 1000000, CASE WHEN failed OR rung = 2 THEN i * 1000000 + 500000 END FROM n`,
		`INSERT INTO tallies SELECT 's', state, count(*) FROM trials GROUP BY state`,
		`INSERT INTO events (sweep, seq, at, kind, body) SELECT 's', row_number() OVER (ORDER BY i, r), i * 1000000 + r, 'reported',
				json_object('trial', i, 'rung', r, 'outcome', 'done', 'step', 1 + r, 'best_step', 1 + r, 'value', value - 0.1 * (2 - r), 'metrics', json_object('accuracy', value))
			FROM n JOIN (SELECT 0 AS r UNION SELECT 1 UNION SELECT 2) ON r <= rung`,
		`UPDATE sweeps SET last_seq = (SELECT count(*) FROM events)`,
		`INSERT INTO attempts (sweep, trial, attempt, epoch, rung, worker, outcome, step, started, ended)
			SELECT 's', i, 1 + r, 'e', r, 'w' || (i % 16), 'done', 1 + r, i * 1000000 + r, i * 1000000 + r + 1000000
			FROM n JOIN (SELECT 0 AS r UNION SELECT 1 UNION SELECT 2) ON r <= rung ORDER BY i, r`,
		`INSERT INTO points (sweep, trial, step, metrics)
			WITH RECURSIVE c(step) AS (SELECT 1 UNION ALL SELECT step + 1 FROM c WHERE step < 512)
			SELECT 's', i, step, json_object('accuracy', step / 512.0, 'logloss', 1.0 / step) FROM n JOIN c WHERE i < 120 AND NOT failed`,
	} {
		var args []any
		if statement == `INSERT INTO spec VALUES ($1, $2)` {
			args = []any{string(specText), string(planText)}
		}
		if _, err := db.Exec(strings.ReplaceAll(statement, "$3", strconv.Itoa(n)), args...); err != nil {
			tb.Fatalf("%s: %v", statement, err)
		}
	}
}
