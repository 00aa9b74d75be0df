package optuna

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"

	"tourney"
)

// schema is what Optuna's SQLAlchemy models create, version 12 at alembic's
// revision v3.2.0.a, as of Optuna 3.2 to 5.0.
const schema = `
CREATE TABLE studies (study_id INTEGER NOT NULL, study_name VARCHAR(512) NOT NULL, PRIMARY KEY (study_id));
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE TABLE version_info (version_info_id INTEGER NOT NULL, schema_version INTEGER, library_version VARCHAR(256),
  PRIMARY KEY (version_info_id), CHECK (version_info_id = 1));
CREATE TABLE study_directions (study_direction_id INTEGER NOT NULL, direction VARCHAR(8) NOT NULL, study_id INTEGER NOT NULL,
  objective INTEGER NOT NULL, PRIMARY KEY (study_direction_id), UNIQUE (study_id, objective),
  FOREIGN KEY (study_id) REFERENCES studies (study_id));
CREATE TABLE study_user_attributes (study_user_attribute_id INTEGER NOT NULL, study_id INTEGER, "key" VARCHAR(512), value_json TEXT,
  PRIMARY KEY (study_user_attribute_id), UNIQUE (study_id, "key"), FOREIGN KEY (study_id) REFERENCES studies (study_id));
CREATE TABLE study_system_attributes (study_system_attribute_id INTEGER NOT NULL, study_id INTEGER, "key" VARCHAR(512), value_json TEXT,
  PRIMARY KEY (study_system_attribute_id), UNIQUE (study_id, "key"), FOREIGN KEY (study_id) REFERENCES studies (study_id));
CREATE TABLE trials (trial_id INTEGER NOT NULL, number INTEGER, study_id INTEGER, state VARCHAR(8) NOT NULL,
  datetime_start DATETIME, datetime_complete DATETIME, PRIMARY KEY (trial_id), FOREIGN KEY (study_id) REFERENCES studies (study_id));
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE TABLE trial_user_attributes (trial_user_attribute_id INTEGER NOT NULL, trial_id INTEGER, "key" VARCHAR(512), value_json TEXT,
  PRIMARY KEY (trial_user_attribute_id), UNIQUE (trial_id, "key"), FOREIGN KEY (trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_system_attributes (trial_system_attribute_id INTEGER NOT NULL, trial_id INTEGER, "key" VARCHAR(512), value_json TEXT,
  PRIMARY KEY (trial_system_attribute_id), UNIQUE (trial_id, "key"), FOREIGN KEY (trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_params (param_id INTEGER NOT NULL, trial_id INTEGER, param_name VARCHAR(512), param_value FLOAT, distribution_json TEXT,
  PRIMARY KEY (param_id), UNIQUE (trial_id, param_name), FOREIGN KEY (trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_values (trial_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, objective INTEGER NOT NULL, value FLOAT,
  value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_value_id), UNIQUE (trial_id, objective),
  FOREIGN KEY (trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_intermediate_values (trial_intermediate_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, step INTEGER NOT NULL,
  intermediate_value FLOAT, intermediate_value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_intermediate_value_id),
  UNIQUE (trial_id, step), FOREIGN KEY (trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_heartbeats (trial_heartbeat_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, heartbeat DATETIME NOT NULL,
  PRIMARY KEY (trial_heartbeat_id), UNIQUE (trial_id), FOREIGN KEY (trial_id) REFERENCES trials (trial_id));
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO version_info VALUES (1, 12, '3.2.0');
INSERT INTO alembic_version VALUES ('v3.2.0.a');
`

// sqliteTime is how SQLAlchemy writes a time.
const sqliteTime = "2006-01-02 15:04:05.000000"

// WriteSQLite writes studies to a new SQLite file, with times in a zone. It
// returns fs.ErrExist if there is a file of that name. A file that could not be
// written whole is removed.
func WriteSQLite(ctx context.Context, path string, zone *time.Location, studies ...Study) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write Optuna storage: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(path)
			_ = os.Remove(path + "-journal")
		}
	}()
	db, err := openFile(path, "mode=rw&_journal_mode=DELETE&_foreign_keys=on&_txlock=immediate")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write Optuna storage: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	w := &sqliteWriter{ctx: ctx, tx: tx, zone: zone, ready: map[string]*sqlx.Stmt{}}
	w.exec(schema)
	for i := range studies {
		w.study(&studies[i])
	}
	if w.err != nil {
		return fmt.Errorf("write Optuna storage %s: %w", path, w.err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write Optuna storage %s: %w", path, err)
	}
	return nil
}

func openFile(path, options string) (*sqlx.DB, error) {
	file := url.URL{Path: path}
	db, err := sqlx.Open("sqlite3", "file:"+file.EscapedPath()+"?"+options)
	if err != nil {
		return nil, fmt.Errorf("open Optuna storage: %w", err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// sqliteWriter writes rows until the first error.
type sqliteWriter struct {
	ctx   context.Context //nolint:containedctx // of one call of WriteSQLite
	tx    *sqlx.Tx
	zone  *time.Location
	ready map[string]*sqlx.Stmt
	err   error
}

// exec runs a statement and returns the id of the row that it has made.
func (w *sqliteWriter) exec(statement string, args ...any) int64 {
	if w.err != nil {
		return 0
	}
	if len(args) == 0 {
		_, w.err = w.tx.ExecContext(w.ctx, statement)
		return 0
	}
	stmt := w.ready[statement]
	if stmt == nil {
		if stmt, w.err = w.tx.PreparexContext(w.ctx, statement); w.err != nil {
			return 0
		}
		w.ready[statement] = stmt
	}
	res, err := stmt.ExecContext(w.ctx, args...)
	if err != nil {
		w.err = err
		return 0
	}
	id, err := res.LastInsertId()
	w.err = err
	return id
}

func (w *sqliteWriter) study(s *Study) {
	id := w.exec(`INSERT INTO studies (study_name) VALUES (?)`, s.Name)
	for i, goal := range directions(s) {
		w.exec(`INSERT INTO study_directions (direction, study_id, objective) VALUES (?, ?, ?)`, goal.name, id, i)
	}
	for key, value := range sorted(s.UserAttrs) {
		w.exec(`INSERT INTO study_user_attributes (study_id, "key", value_json) VALUES (?, ?, ?)`, id, key, string(value))
	}
	for key, value := range sorted(s.SystemAttrs) {
		w.exec(`INSERT INTO study_system_attributes (study_id, "key", value_json) VALUES (?, ?, ?)`, id, key, string(value))
	}
	for number := range s.Trials {
		w.trial(id, number, &s.Trials[number])
	}
}

func (w *sqliteWriter) trial(study int64, number int, t *Trial) {
	id := w.exec(`INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete) VALUES (?, ?, ?, ?, ?)`,
		number, study, t.State.String(), w.time(t.Start), w.time(t.End))
	for i := range t.Params {
		p := &t.Params[i]
		x, _ := p.Distribution.internal(p.Value)
		w.exec(`INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?, ?, ?, ?)`,
			id, p.Name, x, p.Distribution.String())
	}
	for i, v := range t.Values {
		x, typ := stored(v)
		w.exec(`INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, ?, ?, ?)`, id, i, x, typ)
	}
	for step, v := range sorted(t.Curve) {
		x, typ := stored(v)
		w.exec(`INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) VALUES (?, ?, ?, ?)`, id, step, x, typ)
	}
	for key, value := range sorted(t.UserAttrs) {
		w.exec(`INSERT INTO trial_user_attributes (trial_id, "key", value_json) VALUES (?, ?, ?)`, id, key, string(value))
	}
	for key, value := range sorted(t.SystemAttrs) {
		w.exec(`INSERT INTO trial_system_attributes (trial_id, "key", value_json) VALUES (?, ?, ?)`, id, key, string(value))
	}
}

func (w *sqliteWriter) time(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.In(w.zone).Format(sqliteTime)
}

// The types of a stored value.
const (
	finiteValue = "FINITE"
	infValue    = "INF_POS"
	negInfValue = "INF_NEG"
	nanValue    = "NAN"
)

// stored is a value as its two columns hold it.
func stored(v float64) (x any, typ string) {
	switch {
	case math.IsNaN(v):
		return nil, nanValue
	case math.IsInf(v, 1):
		return nil, infValue
	case math.IsInf(v, -1):
		return nil, negInfValue
	}
	return v, finiteValue
}

// readStored is the reverse of stored.
func readStored(x sql.NullFloat64, typ sql.NullString) float64 {
	switch {
	case typ.String == infValue:
		return math.Inf(1)
	case typ.String == negInfValue:
		return math.Inf(-1)
	case !x.Valid:
		return math.NaN()
	}
	return x.Float64
}

// readSQLite reads all studies of a SQLite file, whose times are in a zone.
func readSQLite(ctx context.Context, path string, zone *time.Location) ([]Study, error) {
	db, err := openFile(path, "mode=ro&_query_only=on&_busy_timeout=10000")
	if err != nil {
		return nil, err
	}
	r := &sqliteReader{ctx: ctx, zone: zone, byID: map[int64]int{}, trials: map[int64][2]int{}}
	if r.tx, err = db.BeginTxx(ctx, &sql.TxOptions{ReadOnly: true}); err == nil {
		r.all()
		err = errors.Join(r.err, r.tx.Rollback())
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, fmt.Errorf("read Optuna storage %s: %w", path, err)
	}
	return r.studies, nil
}

// sqliteReader reads table after table until the first error.
type sqliteReader struct {
	ctx     context.Context //nolint:containedctx // of one call of readSQLite
	tx      *sqlx.Tx
	zone    *time.Location
	studies []Study
	byID    map[int64]int    // studies
	trials  map[int64][2]int // study and place
	err     error
}

func (r *sqliteReader) all() {
	var tables []string
	if r.err = r.tx.SelectContext(r.ctx, &tables, `SELECT name FROM sqlite_schema WHERE type = 'table'`); r.err != nil {
		return
	}
	for _, name := range []string{"studies", "study_directions", "trials", "trial_params", "trial_values", "trial_intermediate_values", "version_info"} {
		if !slices.Contains(tables, name) {
			r.err = fmt.Errorf("%w: it is a SQLite file without the table %s, so not one of Optuna 3 or later; of an older one, `optuna storage upgrade` makes one", tourney.ErrInvalid, name)
			return
		}
	}
	r.heads()
	r.params()
	r.values("trial_values", "objective", "value", func(t *Trial, at int64, v float64) {
		if at == int64(len(t.Values)) {
			t.Values = append(t.Values, v)
		}
	})
	r.values("trial_intermediate_values", "step", "intermediate_value", func(t *Trial, at int64, v float64) { t.Curve[at] = v })
	r.attrs("trial_user_attributes", "trial_id", func(id int64) map[string]json.RawMessage {
		return r.of(id, func(t *Trial) map[string]json.RawMessage { return t.UserAttrs })
	})
	r.attrs("trial_system_attributes", "trial_id", func(id int64) map[string]json.RawMessage {
		return r.of(id, func(t *Trial) map[string]json.RawMessage { return t.SystemAttrs })
	})
}

func (r *sqliteReader) of(id int64, attrs func(*Trial) map[string]json.RawMessage) map[string]json.RawMessage {
	if t := r.trial(id); t != nil {
		return attrs(t)
	}
	return nil
}

func (r *sqliteReader) trial(id int64) *Trial {
	at, ok := r.trials[id]
	if !ok {
		return nil
	}
	return &r.studies[at[0]].Trials[at[1]]
}

// rows calls a function for each row of a query.
func (r *sqliteReader) rows(query string, scan func(*sqlx.Rows) error) {
	if r.err != nil {
		return
	}
	rows, err := r.tx.QueryxContext(r.ctx, query)
	if err != nil {
		r.err = err
		return
	}
	defer func() { r.err = errors.Join(r.err, rows.Err(), rows.Close()) }()
	for r.err == nil && rows.Next() {
		r.err = scan(rows)
	}
}

// heads reads studies, directions, their attributes, and trials.
func (r *sqliteReader) heads() {
	r.rows(`SELECT study_id, study_name FROM studies ORDER BY study_id`, func(rows *sqlx.Rows) error {
		var id int64
		s := Study{UserAttrs: map[string]json.RawMessage{}, SystemAttrs: map[string]json.RawMessage{}}
		if err := rows.Scan(&id, &s.Name); err != nil {
			return err
		}
		r.byID[id] = len(r.studies)
		r.studies = append(r.studies, s)
		return nil
	})
	r.rows(`SELECT study_id, direction FROM study_directions ORDER BY study_id, objective`, func(rows *sqlx.Rows) error {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		if at, ok := r.byID[id]; ok {
			if goal := goalNamed(name); goal != "" {
				r.studies[at].Directions = append(r.studies[at].Directions, goal)
			}
		}
		return nil
	})
	r.attrs("study_user_attributes", "study_id", func(id int64) map[string]json.RawMessage {
		if at, ok := r.byID[id]; ok {
			return r.studies[at].UserAttrs
		}
		return nil
	})
	r.attrs("study_system_attributes", "study_id", func(id int64) map[string]json.RawMessage {
		if at, ok := r.byID[id]; ok {
			return r.studies[at].SystemAttrs
		}
		return nil
	})
	r.rows(`SELECT trial_id, study_id, state, CAST(datetime_start AS TEXT), CAST(datetime_complete AS TEXT) FROM trials ORDER BY trial_id`, func(rows *sqlx.Rows) error {
		var id, study int64
		var state string
		var start, end sql.NullString
		if err := rows.Scan(&id, &study, &state, &start, &end); err != nil {
			return err
		}
		at, ok := r.byID[study]
		if !ok {
			return nil
		}
		t := newTrial()
		if t.State = State(slices.Index(stateNames, state)); t.State < 0 {
			return fmt.Errorf("%w: trial %d is %q; a trial is one of %s", tourney.ErrInvalid, id, state, strings.Join(stateNames, ", "))
		}
		t.Start, t.End = r.time(start), r.time(end)
		r.trials[id] = [2]int{at, len(r.studies[at].Trials)}
		r.studies[at].Trials = append(r.studies[at].Trials, t)
		return nil
	})
}

func newTrial() Trial {
	return Trial{Curve: map[int64]float64{}, UserAttrs: map[string]json.RawMessage{}, SystemAttrs: map[string]json.RawMessage{}}
}

func (r *sqliteReader) time(text sql.NullString) *time.Time {
	for _, layout := range []string{"2006-01-02 15:04:05.999999", "2006-01-02T15:04:05.999999", time.RFC3339Nano} {
		if t, err := time.ParseInLocation(layout, text.String, r.zone); text.Valid && err == nil {
			t = t.UTC()
			return &t
		}
	}
	return nil
}

func (r *sqliteReader) params() {
	r.rows(`SELECT trial_id, param_name, param_value, distribution_json FROM trial_params ORDER BY trial_id, param_name`, func(rows *sqlx.Rows) error {
		var id int64
		var name, text string
		var x float64
		if err := rows.Scan(&id, &name, &x, &text); err != nil {
			return err
		}
		t := r.trial(id)
		if t == nil {
			return nil
		}
		p, err := readParam(name, text, x)
		t.Params = append(t.Params, p)
		return err
	})
}

func readParam(name, distribution string, x float64) (Param, error) {
	d, err := ParseDistribution(distribution)
	if err != nil {
		return Param{}, fmt.Errorf("parameter %s: %w", name, err)
	}
	v, err := d.external(x)
	if err != nil {
		return Param{}, fmt.Errorf("parameter %s: %w", name, err)
	}
	return Param{Name: name, Distribution: d, Value: v}, nil
}

// values reads a table of values.
func (r *sqliteReader) values(table, place, column string, take func(t *Trial, at int64, v float64)) {
	r.rows(`SELECT trial_id, `+place+`, `+column+`, `+column+`_type FROM `+table+` ORDER BY trial_id, `+place, func(rows *sqlx.Rows) error {
		var id, at int64
		var x sql.NullFloat64
		var typ sql.NullString
		if err := rows.Scan(&id, &at, &x, &typ); err != nil {
			return err
		}
		if t := r.trial(id); t != nil {
			take(t, at, readStored(x, typ))
		}
		return nil
	})
}

func (r *sqliteReader) attrs(table, owner string, of func(id int64) map[string]json.RawMessage) {
	r.rows(`SELECT `+owner+`, "key", value_json FROM `+table, func(rows *sqlx.Rows) error {
		var id int64
		var key, value string
		if err := rows.Scan(&id, &key, &value); err != nil {
			return err
		}
		if attrs := of(id); attrs != nil {
			attrs[key] = json.RawMessage(plainJSON([]byte(value)))
		}
		return nil
	})
}

// isSQLite reports whether a file begins as SQLite's do.
func isSQLite(path string) (bool, error) {
	head, err := beginning(path, 16)
	if err != nil {
		return false, fmt.Errorf("read Optuna storage: %w", err)
	}
	return string(head) == "SQLite format 3\x00", nil
}
