package sql

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// answer does a job without Scan: it runs the query, or looks at the Parquet
// files, and writes an opened.
func answer(j *job, w io.Writer) error {
	var out *opened
	var err error
	if j.Query == "" {
		out, err = openFiles(j)
	} else {
		out, err = openQuery(j)
	}
	if err != nil {
		return diagnose(err, j)
	}
	return json.NewEncoder(w).Encode(out)
}

// scan does a job with Scan: it writes the rows.
func scan(j *job, w io.Writer) error {
	file, mode := resultFile, "READ_ONLY"
	if j.Query == "" {
		file, mode = "", "AUTOMATIC"
	}
	e, err := openJob(j, file, mode)
	if err != nil {
		return diagnose(err, j)
	}
	defer e.close()
	if err := e.stream(j.Scan, from(j, j.Files), w); err != nil {
		return diagnose(e.accuse(err, j), j)
	}
	return nil
}

// from is what a scan reads.
func from(j *job, files []jobFile) string {
	if j.Query == "" {
		return readParquet(files)
	}
	return resultTable
}

// openQuery runs the query and keeps its rows in a file, so that they are the
// same in every scan, and are made once.
func openQuery(j *job) (*opened, error) {
	e, err := openJob(j, resultFile, "AUTOMATIC")
	if err != nil {
		return nil, err
	}
	defer e.close()
	reserved, err := e.reservedWords()
	if err != nil {
		return nil, err
	}
	tables, err := inputs(j, reserved)
	if err != nil {
		return nil, err
	}
	out := &opened{}
	for i := range tables {
		if err := e.view(&tables[i], len(tables) == 1); err != nil {
			return nil, err
		}
		out.Read = append(out.Read, described(&tables[i]))
	}
	if err := e.lock(); err != nil {
		return nil, err
	}
	if err := e.materialize(j.Query); err != nil {
		return nil, withTables(diagnose(err, j), tables)
	}
	out.Fields, err = e.fields(resultTable)
	return out, err
}

// materialize runs a query into the result table.
func (e *engine) materialize(query string) error {
	ordered, err := e.checkQuery(query)
	if err != nil {
		return err
	}
	columns, parameters, err := e.columns(query)
	if err != nil {
		return err
	}
	if parameters > 0 {
		return fail(failQuery, "the query has parameters like $1 or ?, for which there are no values")
	}
	for i := range columns {
		if f := refuse(&columns[i]); f != nil {
			return f
		}
	}
	if err := e.exec("SELECT setseed(0.5)"); err != nil {
		return err
	}
	statement := "CREATE TABLE " + resultTable + " AS SELECT * FROM query(" + quote(query) + ")"
	if !ordered {
		statement += " ORDER BY ALL"
	}
	if err := e.exec(statement); err != nil {
		return err
	}
	return e.exec("CHECKPOINT") // which close would do, but could not report
}

// openFiles looks at the schema of Parquet files, which must be the same in
// all of them but for the order of columns.
func openFiles(j *job) (*opened, error) {
	e, err := openJob(j, "", "AUTOMATIC")
	if err != nil {
		return nil, err
	}
	defer e.close()
	var first []column
	for i := range j.Files {
		f := &j.Files[i]
		columns, _, err := e.columns("SELECT * FROM " + readParquet(j.Files[i:i+1]))
		if err == nil && i > 0 {
			err = alike(first, columns, j.Files[0].Name)
		}
		if err != nil {
			return nil, inFile(diagnose(err, j), f)
		}
		if i == 0 {
			first = columns
		}
		for i := range columns {
			if bad := refuse(&columns[i]); bad != nil {
				return nil, inFile(bad, f)
			}
		}
	}
	out := &opened{Read: []string{fmt.Sprintf("Parquet, %s", count(len(j.Files), "file"))}}
	source := readParquet(j.Files)
	if out.Fields, err = e.fields(source); err != nil {
		return nil, inFile(diagnose(e.accuse(err, j), j), &j.Files[0])
	}
	return out, nil
}

// fields returns the columns of a table or a table function.
func (e *engine) fields(from string) ([]field, error) {
	columns, _, err := e.columns("SELECT * FROM " + from)
	if err != nil {
		return nil, err
	}
	known, err := e.learn(columns, from)
	if err != nil {
		return nil, err
	}
	return fieldsOf(columns, known)
}

// alike refuses a file whose columns are not those of the first.
func alike(first, columns []column, name string) error {
	has := func(list []column, c column) bool {
		return slices.ContainsFunc(list, func(o column) bool { return strings.EqualFold(o.name, c.name) })
	}
	for _, c := range columns {
		if !has(first, c) {
			return fail(failFile, "it has a column %s that %s does not have; a query over both can say what is wanted", identifier(c.name), name)
		}
	}
	for _, c := range first {
		if !has(columns, c) {
			return fail(failFile, "it lacks the column %s that %s has; a query over both can say what is wanted", identifier(c.name), name)
		}
	}
	return nil
}

// accuse finds the file that is at fault where the engine does not name it.
func (e *engine) accuse(err error, j *job) error {
	said, ok := err.(*engineError) //nolint:errorlint // made and returned unwrapped in this package
	if !ok || j.Query != "" || blamed(said.message, j) != nil {
		return err
	}
	for i := range j.Files {
		if again := e.exec("SELECT max(hash(COLUMNS(*))) FROM " + readParquet(j.Files[i:i+1])); again != nil {
			if _, ok := again.(*engineError); ok { //nolint:errorlint // as above
				return &engineError{said.message + " (in " + j.Files[i].Link + ")"}
			}
		}
	}
	return err
}

// inFile says of a failure without a file which one it is about.
func inFile(err error, f *jobFile) error {
	if bad, ok := err.(*failure); ok && bad.Kind != failMemory && bad.Kind != failEngine && bad.File == "" { //nolint:errorlint // made and returned unwrapped in this package
		return &failure{Kind: failFile, File: f.Name, Line: bad.Line, Message: bad.Message}
	}
	return err
}

// withTables adds the names of the tables to what is wrong with a query that
// did not find one.
func withTables(err error, tables []input) error {
	bad, ok := err.(*failure) //nolint:errorlint // made and returned unwrapped in this package
	if !ok || bad.Kind != failQuery || !(strings.HasPrefix(bad.Message, "Catalog Error: Table") || strings.HasPrefix(bad.Message, "Permission Error")) {
		return err
	}
	names := make([]string, len(tables))
	for i := range tables {
		names[i] = tables[i].name
	}
	if len(tables) == 1 && !strings.EqualFold(names[0], tableAlias) {
		names = append(names, tableAlias)
	}
	bad.Message += "\n\nThe tables of this query are: " + strings.Join(names, ", ")
	return bad
}

// described says of a table what it is made of.
func described(in *input) string {
	if len(in.files) == 1 {
		return fmt.Sprintf("table %s: %s", in.name, in.files[0].Name)
	}
	return fmt.Sprintf("table %s: %s from %s on", in.name, count(len(in.files), "file"), in.files[0].Name)
}

// count returns "1 file", "2 files".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
