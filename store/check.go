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

// invariants are queries that return a line for each violation.
var invariants = []string{
	// The log.
	`SELECT printf('sweep %s: its events should be numbered 1 to %d, but there are %d, numbered %d to %d', s.id, s.last_seq, e.n, e.low, e.high)
	FROM sweeps s JOIN (
		SELECT s2.id AS sweep, COALESCE(sum(e.n), 0) AS n, COALESCE(min(e.seq - e.n + 1), 1) AS low, COALESCE(max(e.seq), 0) AS high
		FROM sweeps s2 LEFT JOIN ` + eventSpans + ` e ON e.sweep = s2.id GROUP BY s2.id
	) e ON e.sweep = s.id
	WHERE e.low <> 1 OR e.high <> s.last_seq OR e.n <> s.last_seq`,

	`SELECT printf('sweep %s: event %d has id %d, which is not above %d, that of the event before', sweep, seq - n + 1, id - n + 1, before)
	FROM (SELECT sweep, seq, n, id, lag(id) OVER (PARTITION BY sweep ORDER BY seq) AS before FROM ` + eventSpans + `) WHERE id - n + 1 <= before`,

	// Attempts.
	`SELECT printf('sweep %s, trial %d: its %d attempts should be numbered 1 to %d, not %d to %d', sweep, trial, n, n, low, high)
	FROM (SELECT sweep, trial, count(*) AS n, min(attempt) AS low, max(attempt) AS high FROM attempts GROUP BY sweep, trial)
	WHERE low <> 1 OR high <> n`,

	`SELECT printf('sweep %s, trial %d: %d attempts are open', sweep, trial, count(*))
	FROM attempts WHERE outcome = '' GROUP BY sweep, trial HAVING count(*) > 1`,

	`SELECT printf('sweep %s, trial %d: it counts %d attempts, but the last is number %d', t.sweep, t.number, t.attempts, a.high)
	FROM trials t JOIN (
		SELECT t2.sweep, t2.number, COALESCE(max(a.attempt), 0) AS high
		FROM trials t2 LEFT JOIN attempts a ON a.sweep = t2.sweep AND a.trial = t2.number GROUP BY t2.sweep, t2.number
	) a ON a.sweep = t.sweep AND a.number = t.number
	WHERE t.attempts <> a.high`,

	`SELECT printf('sweep %s, trial %d: attempt %d is open, but no running job has it', a.sweep, a.trial, a.attempt)
	FROM attempts a WHERE a.outcome = '' AND NOT EXISTS (
		SELECT 1 FROM jobs j WHERE j.sweep = a.sweep AND j.trial = a.trial AND j.rung = a.rung AND j.attempt = a.attempt AND j.state = 'running')`,

	`SELECT printf('sweep %s, trial %d: the job of rung %d runs as attempt %d, which is not open', j.sweep, j.trial, j.rung, j.attempt)
	FROM jobs j WHERE j.state = 'running' AND NOT EXISTS (
		SELECT 1 FROM attempts a WHERE a.sweep = j.sweep AND a.trial = j.trial AND a.attempt = j.attempt AND a.rung = j.rung AND a.outcome = '')`,

	`SELECT printf('sweep %s, trial %d: it is %s, but attempt %d at rung %d is open', t.sweep, t.number, t.state, a.attempt, a.rung)
	FROM attempts a JOIN trials t ON t.sweep = a.sweep AND t.number = a.trial
	WHERE a.outcome = '' AND t.state NOT IN ('queued', 'running') AND NOT EXISTS (
		SELECT 1 FROM jobs j WHERE j.sweep = a.sweep AND j.trial = a.trial AND j.rung = a.rung AND j.kind = 'final')`,

	// Jobs. A trial is queued or running while a job of a rung is open; the
	// final job is one of a trial that has ended.
	`SELECT printf('sweep %s, trial %d: it is %s, but no job of it is open', t.sweep, t.number, t.state)
	FROM trials t WHERE t.state IN ('queued', 'running') AND NOT EXISTS (
		SELECT 1 FROM jobs j WHERE j.sweep = t.sweep AND j.trial = t.number AND j.kind = 'rung' AND j.state IN ('queued', 'running', 'held'))`,

	`SELECT printf('sweep %s, trial %d: it is %s, but its job of rung %d is %s', t.sweep, t.number, t.state, j.rung, j.state)
	FROM jobs j JOIN trials t ON t.sweep = j.sweep AND t.number = j.trial
	WHERE j.state IN ('queued', 'running', 'held') AND
		CASE j.kind WHEN 'final' THEN t.state IN ('queued', 'running', 'paused') ELSE t.state NOT IN ('queued', 'running') END`,

	`SELECT printf('sweep %s, trial %d: %d jobs are open', sweep, trial, count(*))
	FROM jobs WHERE state IN ('queued', 'running', 'held') GROUP BY sweep, trial HAVING count(*) > 1`,

	`SELECT printf('sweep %s, trial %d: the job of rung %d is %s and has %d reported events', sweep, trial, rung, state, reports)
	FROM (
		SELECT j.sweep, j.trial, j.rung, j.state, COALESCE(e.n, 0) AS reports FROM jobs j LEFT JOIN (
			SELECT sweep, trial, rung, count(*) AS n FROM ` + reportedEvents + ` GROUP BY 1, 2, 3
		) e ON e.sweep = j.sweep AND e.trial = j.trial AND e.rung = j.rung
	) WHERE reports <> (state = 'done')`,

	`SELECT printf('sweep %s, trial %d: event %d reports rung %d, of which there is no job', e.sweep, e.trial, e.seq, e.rung)
	FROM ` + reportedEvents + ` e
	WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.sweep = e.sweep AND j.trial = e.trial AND j.rung = e.rung)`,

	// Sweeps that have ended.
	`SELECT printf('sweep %s, trial %d: the sweep is %s, but the trial is %s', s.id, t.number, s.state, t.state)
	FROM sweeps s JOIN trials t ON t.sweep = s.id
	WHERE s.state IN ('completed', 'failed', 'cancelled') AND t.state IN ('queued', 'running', 'paused')`,

	`SELECT printf('sweep %s, trial %d: the sweep is %s, but the job of rung %d is %s', s.id, j.trial, s.state, j.rung, j.state)
	FROM sweeps s JOIN jobs j ON j.sweep = s.id
	WHERE s.state IN ('completed', 'failed', 'cancelled') AND j.state IN ('queued', 'running', 'held')`,

	// What is derived.
	`SELECT printf('sweep %s: it counts %d trials that are %s, but there are %d', sweep, max(counted), state, max(there))
	FROM (
		SELECT sweep, state, trials AS counted, 0 AS there FROM tallies
		UNION ALL SELECT sweep, state, 0, count(*) FROM trials GROUP BY sweep, state
	) GROUP BY sweep, state HAVING max(counted) <> max(there)`,

	`SELECT printf('dataset version %s: its test shard %s is not sealed', d.version, t.value ->> '$.hash')
	FROM datasets d, json_each(d.manifest, '$.test') t
	WHERE NOT EXISTS (SELECT 1 FROM sealed s WHERE s.hash = t.value ->> '$.hash' AND s.version = d.version)`,

	`SELECT printf('dataset version %s: blob %s is sealed, but is no test shard of it', s.version, s.hash)
	FROM sealed s WHERE NOT EXISTS (
		SELECT 1 FROM datasets d, json_each(d.manifest, '$.test') t WHERE d.version = s.version AND t.value ->> '$.hash' = s.hash)
	AND s.hash NOT IN (SELECT hash FROM loose)`,

	`SELECT printf('sweep %s is %s, but its dataset %s is not there', s.id, s.state, s.dataset)
	FROM sweeps s WHERE s.state NOT IN ('completed', 'failed', 'cancelled') AND s.dataset <> '' AND NOT EXISTS (
		SELECT 1 FROM datasets d WHERE d.version = s.dataset)`,
}

// Check looks for what must never be in a data directory and returns a line
// for each thing that it finds. It reads the whole database.
func (r *Reader) Check(ctx context.Context) (violations []string, err error) {
	const op = "check database"
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		if violations, err = checkFile(ctx, tx, op); err != nil {
			return err
		}
		for _, query := range invariants {
			var lines []string
			if err := tx.SelectContext(ctx, &lines, query+fmt.Sprintf(" LIMIT %d", maxViolations)); err != nil {
				return sqlError(op, err)
			}
			violations = append(violations, lines...)
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
