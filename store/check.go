package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// maxViolations is how many lines one invariant may give.
const maxViolations = 100

// eventSpans are the rows of events with how many each holds.
const eventSpans = `(SELECT sweep, seq, id, CASE kind WHEN '` + batchKind + `' THEN json_array_length(body) ELSE 1 END AS n FROM events)`

// reportedEvents are the reports in the log, whatever rows they are in.
const reportedEvents = `(
	SELECT sweep, seq, json_extract(body, '$.trial') AS trial, json_extract(body, '$.rung') AS rung FROM events WHERE kind = 'reported'
	UNION ALL
	SELECT r.sweep, r.seq - json_array_length(r.body) + 1 + b.key, b.value ->> '$[1].trial', b.value ->> '$[1].rung'
	FROM events r, json_each(r.body) b WHERE r.kind = '` + batchKind + `' AND b.value ->> '$[0]' = 'reported')`

// endedEvents are the ends of trials in the log, likewise.
const endedEvents = `(
	SELECT sweep, json_extract(body, '$.trial') AS trial FROM events WHERE kind = 'ended'
	UNION ALL
	SELECT r.sweep, b.value ->> '$[1].trial' FROM events r, json_each(r.body) b WHERE r.kind = '` + batchKind + `' AND b.value ->> '$[0]' = 'ended')`

// invariant is something that must hold, by the name that docs/operations.md
// gives it, and a query that returns a line for each place where it does not.
type invariant struct{ name, query string }

// invariants are those that rows alone can break.
var invariants = []invariant{
	// The log.
	{"INV-1", `SELECT printf('sweep %s: its events should be numbered 1 to %d, but there are %d, numbered %d to %d', s.id, s.last_seq, e.n, e.low, e.high)
	FROM sweeps s JOIN (
		SELECT s2.id AS sweep, COALESCE(sum(e.n), 0) AS n, COALESCE(min(e.seq - e.n + 1), 1) AS low, COALESCE(max(e.seq), 0) AS high
		FROM sweeps s2 LEFT JOIN ` + eventSpans + ` e ON e.sweep = s2.id GROUP BY s2.id
	) e ON e.sweep = s.id
	WHERE e.low <> 1 OR e.high <> s.last_seq OR e.n <> s.last_seq`},

	{"INV-26", `SELECT printf('sweep %s: event %d has id %d, which is not above %d, that of the event before', sweep, seq - n + 1, id - n + 1, before)
	FROM (SELECT sweep, seq, n, id, lag(id) OVER (PARTITION BY sweep ORDER BY seq) AS before FROM ` + eventSpans + `) WHERE id - n + 1 <= before`},

	// Attempts.
	{"INV-5", `SELECT printf('sweep %s, trial %d: its %d attempts should be numbered 1 to %d, not %d to %d', sweep, trial, n, n, low, high)
	FROM (SELECT sweep, trial, count(*) AS n, min(attempt) AS low, max(attempt) AS high FROM attempts GROUP BY sweep, trial)
	WHERE low <> 1 OR high <> n`},

	{"INV-5", `SELECT printf('sweep %s, trial %d: %d attempts are open', sweep, trial, count(*))
	FROM attempts WHERE outcome = '' GROUP BY sweep, trial HAVING count(*) > 1`},

	{"INV-5", `SELECT printf('sweep %s, trial %d: it counts %d attempts, but the last is number %d', t.sweep, t.number, t.attempts, a.high)
	FROM trials t JOIN (
		SELECT t2.sweep, t2.number, COALESCE(max(a.attempt), 0) AS high
		FROM trials t2 LEFT JOIN attempts a ON a.sweep = t2.sweep AND a.trial = t2.number GROUP BY t2.sweep, t2.number
	) a ON a.sweep = t.sweep AND a.number = t.number
	WHERE t.attempts <> a.high`},

	{"INV-5", `SELECT printf('sweep %s, trial %d: attempt %d is open, but no running job has it', a.sweep, a.trial, a.attempt)
	FROM attempts a WHERE a.outcome = '' AND NOT EXISTS (
		SELECT 1 FROM jobs j WHERE j.sweep = a.sweep AND j.trial = a.trial AND j.rung = a.rung AND j.attempt = a.attempt AND j.state = 'running')`},

	{"INV-5", `SELECT printf('sweep %s, trial %d: the job of rung %d runs as attempt %d, which is not open', j.sweep, j.trial, j.rung, j.attempt)
	FROM jobs j WHERE j.state = 'running' AND NOT EXISTS (
		SELECT 1 FROM attempts a WHERE a.sweep = j.sweep AND a.trial = j.trial AND a.attempt = j.attempt AND a.rung = j.rung AND a.outcome = '')`},

	{"INV-6", `SELECT printf('sweep %s, trial %d: it is %s, but attempt %d at rung %d is open', t.sweep, t.number, t.state, a.attempt, a.rung)
	FROM attempts a JOIN trials t ON t.sweep = a.sweep AND t.number = a.trial
	WHERE a.outcome = '' AND t.state NOT IN ('queued', 'running') AND NOT EXISTS (
		SELECT 1 FROM jobs j WHERE j.sweep = a.sweep AND j.trial = a.trial AND j.rung = a.rung AND j.kind = 'final')`},

	// Jobs. A trial is queued or running while a job of a rung is open; the
	// final job is one of a trial that has ended.
	{"INV-2", `SELECT printf('sweep %s, trial %d: it is %s, but no job of it is open', t.sweep, t.number, t.state)
	FROM trials t WHERE t.state IN ('queued', 'running') AND NOT EXISTS (
		SELECT 1 FROM jobs j WHERE j.sweep = t.sweep AND j.trial = t.number AND j.kind = 'rung' AND j.state IN ('queued', 'running', 'held'))`},

	{"INV-6", `SELECT printf('sweep %s, trial %d: it is %s, but its job of rung %d is %s', t.sweep, t.number, t.state, j.rung, j.state)
	FROM jobs j JOIN trials t ON t.sweep = j.sweep AND t.number = j.trial
	WHERE j.state IN ('queued', 'running', 'held') AND
		CASE j.kind WHEN 'final' THEN t.state IN ('queued', 'running', 'paused') ELSE t.state NOT IN ('queued', 'running') END`},

	{"INV-14", `SELECT printf('sweep %s, trial %d: %d jobs are open', sweep, trial, count(*))
	FROM jobs WHERE state IN ('queued', 'running', 'held') GROUP BY sweep, trial HAVING count(*) > 1`},

	{"INV-14", `SELECT printf('sweep %s, trial %d: the job of rung %d is %s and has %d reported events', sweep, trial, rung, state, reports)
	FROM (
		SELECT j.sweep, j.trial, j.rung, j.state, COALESCE(e.n, 0) AS reports FROM jobs j LEFT JOIN (
			SELECT sweep, trial, rung, count(*) AS n FROM ` + reportedEvents + ` GROUP BY 1, 2, 3
		) e ON e.sweep = j.sweep AND e.trial = j.trial AND e.rung = j.rung
	) WHERE reports <> (state = 'done')`},

	{"INV-14", `SELECT printf('sweep %s, trial %d: event %d reports rung %d, of which there is no job', e.sweep, e.trial, e.seq, e.rung)
	FROM ` + reportedEvents + ` e
	WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.sweep = e.sweep AND j.trial = e.trial AND j.rung = e.rung)`},

	// Sweeps that have ended.
	{"INV-2", `SELECT printf('sweep %s, trial %d: the sweep is %s, but the trial is %s', s.id, t.number, s.state, t.state)
	FROM sweeps s JOIN trials t ON t.sweep = s.id
	WHERE s.state IN ('completed', 'failed', 'cancelled') AND t.state IN ('queued', 'running', 'paused')`},

	{"INV-18", `SELECT printf('sweep %s, trial %d: the sweep is %s, but the job of rung %d is %s', s.id, j.trial, s.state, j.rung, j.state)
	FROM sweeps s JOIN jobs j ON j.sweep = s.id
	WHERE s.state IN ('completed', 'failed', 'cancelled') AND j.state IN ('queued', 'running', 'held')`},

	// What is derived.
	{"INV-3", `SELECT printf('sweep %s: it counts %d trials that are %s, but there are %d', sweep, max(counted), state, max(there))
	FROM (
		SELECT sweep, state, trials AS counted, 0 AS there FROM tallies
		UNION ALL SELECT sweep, state, 0, count(*) FROM trials GROUP BY sweep, state
	) GROUP BY sweep, state HAVING max(counted) <> max(there)`},

	{"INV-13", `SELECT printf('sweep %s, trial %d: it is %s, and on the board as if it were not', sweep, number, state)
	FROM trials WHERE sunk <> (state IN ('diverged', 'failed'))`},

	{"sealed rows", `SELECT printf('dataset version %s: its test shard %s is not sealed', d.version, t.value ->> '$.hash')
	FROM datasets d, json_each(d.manifest, '$.test') t
	WHERE NOT EXISTS (SELECT 1 FROM sealed s WHERE s.hash = t.value ->> '$.hash' AND s.version = d.version)`},

	{"sealed rows", `SELECT printf('dataset version %s: blob %s is sealed, but is no test shard of it', s.version, s.hash)
	FROM sealed s WHERE NOT EXISTS (
		SELECT 1 FROM datasets d, json_each(d.manifest, '$.test') t WHERE d.version = s.version AND t.value ->> '$.hash' = s.hash)
	AND s.hash NOT IN (SELECT hash FROM loose)`},

	{"INV-20", `SELECT printf('sweep %s is %s, but its dataset %s is not there', s.id, s.state, s.dataset)
	FROM sweeps s WHERE s.state NOT IN ('completed', 'failed', 'cancelled') AND s.dataset <> '' AND NOT EXISTS (
		SELECT 1 FROM datasets d WHERE d.version = s.dataset)`},

	// Results. A job is done by the attempt that it has, and by none that was
	// given back, stopped, or lost (but for the loss that made it poison). An
	// attempt of a program passes several rungs.
	{"INV-4", `SELECT printf('sweep %s, trial %d: the job of rung %d is %s by attempt %d, which is %s', j.sweep, j.trial, j.rung, j.state, j.attempt,
		CASE a.outcome WHEN '' THEN 'open' ELSE COALESCE(a.outcome, 'not there') END)
	FROM jobs j LEFT JOIN attempts a ON a.sweep = j.sweep AND a.trial = j.trial AND a.attempt = j.attempt
	WHERE j.state IN ('done', 'held') AND (a.outcome IS NULL OR a.outcome NOT IN ('done', 'diverged', 'failed', 'lost') OR a.outcome = 'lost' AND j.losses < 10)
		AND NOT EXISTS (SELECT 1 FROM sweeps s WHERE s.id = j.sweep AND s.spec ->> '$.trainer' = 'command')`},

	{"INV-24", `SELECT printf('sweep %s, trial %d: attempt %d is open and of epoch %s, which is not this directory''s', sweep, trial, attempt, epoch)
	FROM attempts WHERE outcome = '' AND epoch <> (SELECT value FROM meta WHERE key = 'epoch')`},

	{"INV-6", `SELECT printf('sweep %s, trial %d: it has ended %d times', sweep, trial, n)
	FROM (SELECT sweep, trial, count(*) AS n FROM ` + endedEvents + ` GROUP BY 1, 2) WHERE n > 1`},

	{"INV-8", `SELECT printf('sweep %s, trial %d: the checkpoint of rung %d is of no blob: %s', sweep, trial, rung, checkpoint)
	FROM jobs WHERE checkpoint IS NOT NULL AND (COALESCE(checkpoint ->> '$.blob', '') = ''
		OR COALESCE(checkpoint ->> '$.step', -1) < 0 OR COALESCE(checkpoint ->> '$.size', -1) < 0)`},

	{"INV-8", `SELECT printf('sweep %s, trial %d: rung %d begins at step %d, but rung %d left one of step %d', b.sweep, b.trial, b.rung, b.checkpoint ->> '$.step', a.rung, a.checkpoint ->> '$.step')
	FROM jobs a JOIN jobs b ON b.sweep = a.sweep AND b.trial = a.trial AND b.rung = a.rung + 1 AND b.kind = 'rung'
	JOIN sweeps s ON s.id = a.sweep
	WHERE a.kind = 'rung' AND a.state = 'done' AND COALESCE(s.spec ->> '$.early_terminate.fidelity', '') <> 'rows'
		AND b.checkpoint ->> '$.step' < a.checkpoint ->> '$.step'`},

	// Failures.
	{"INV-11", `SELECT printf('sweep %s, trial %d: it failed for %s, which is no reason', sweep, number, quote(reason))
	FROM trials WHERE state = 'failed' AND reason NOT IN ('user_error', 'oom', 'timeout', 'poison', 'spec_invalid', 'data_corrupt')`},

	{"INV-11", `SELECT printf('sweep %s, trial %d: rung %d counts %d failures, but %d attempts of it failed', j.sweep, j.trial, j.rung, j.failures, a.n)
	FROM jobs j JOIN (
		SELECT j2.sweep, j2.trial, j2.rung, count(a.attempt) AS n FROM jobs j2
		LEFT JOIN attempts a ON a.sweep = j2.sweep AND a.trial = j2.trial AND a.rung = j2.rung AND a.outcome = 'failed'
		WHERE j2.failures > 0 GROUP BY 1, 2, 3
	) a ON a.sweep = j.sweep AND a.trial = j.trial AND a.rung = j.rung
	WHERE j.failures > a.n`},

	{"INV-12", `SELECT printf('sweep %s, trial %d: rung %d is %s after %d losses and %d failures', sweep, trial, rung, state, losses, failures)
	FROM jobs WHERE losses > 10 OR failures > 3 OR state IN ('queued', 'running') AND (losses >= 10 OR failures >= 3)`},

	// Numbers.
	{"INV-13", `SELECT printf('sweep %s, trial %d: its value or loss is not a finite number', sweep, number)
	FROM trials WHERE abs(value) = 9e999 OR abs(loss) = 9e999 OR typeof(loss) <> 'real'`},

	{"INV-15", `SELECT printf('sweep %s, trial %d: it has metrics at step %d', sweep, trial, step) FROM points WHERE step < 1`},
}

// Check looks for what must never be in a data directory and returns a line
// for each thing that it finds. It reads the whole database.
func (r *Reader) Check(ctx context.Context) (violations []string, err error) {
	const op = "check database"
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		if violations, err = checkFile(ctx, tx, op); err != nil {
			return err
		}
		for _, inv := range invariants {
			var lines []string
			if err := tx.SelectContext(ctx, &lines, inv.query+fmt.Sprintf(" LIMIT %d", maxViolations)); err != nil {
				return sqlError(op, err)
			}
			for _, line := range lines {
				violations = append(violations, inv.name+": "+line)
			}
		}
		return nil
	})
	return violations, err
}

// checkFile has SQLite check its pages, indexes and references.
func checkFile(ctx context.Context, q queryer, op string) ([]string, error) {
	var violations, faults []string
	if err := q.SelectContext(ctx, &faults, fmt.Sprintf(`PRAGMA integrity_check(%d)`, maxViolations)); err != nil {
		return nil, sqlError(op, err)
	}
	for _, fault := range faults {
		if fault != "ok" {
			violations = append(violations, "database file: "+fault)
		}
	}
	var dangling []string
	err := q.SelectContext(ctx, &dangling, fmt.Sprintf(
		`SELECT printf('table %%s: a row refers to a row of %%s that is not there', "table", "parent") FROM pragma_foreign_key_check LIMIT %d`, maxViolations))
	return append(violations, dangling...), sqlError(op, err)
}
