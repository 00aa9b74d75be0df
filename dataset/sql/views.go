package sql

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
)

// tableAlias is what the only table is also called.
const tableAlias = "data"

// input is a table that a query sees.
type input struct {
	name  string // as the query calls it
	files []jobFile
}

// inputs gathers the files of a job by table, in their order.
func inputs(j *job, reserved []string) ([]input, error) {
	var list []input
	at := map[string]int{} // by name without case, as SQL compares
	for _, f := range j.Files {
		name := tableName(f.Table, reserved)
		key := strings.ToLower(name)
		i, ok := at[key]
		if !ok {
			i = len(list)
			at[key] = i
			list = append(list, input{name: name})
		}
		if ok && list[i].files[0].Table != f.Table {
			return nil, &failure{Kind: failFile, File: f.Name, Message: fmt.Sprintf("both it and %s would be the table %s; name the table of one of them", list[i].files[0].Name, name)}
		}
		if ok && list[i].files[0].Format != f.Format {
			return nil, &failure{Kind: failFile, File: f.Name, Message: fmt.Sprintf("it holds %s and %s holds %s, so both cannot be the table %s", f.Format, list[i].files[0].Name, list[i].files[0].Format, name)}
		}
		list[i].files = append(list[i].files, f)
	}
	return list, nil
}

// tableName makes a name that SQL takes without quotes.
func tableName(s string, reserved []string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '_' || unicode.IsLetter(r):
			b.WriteRune(r)
		case unicode.IsDigit(r) && r < unicode.MaxASCII:
			if b.Len() == 0 {
				b.WriteString("t_")
			}
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	name := b.String()
	if strings.Trim(name, "_") == "" {
		name = "t" + name
	}
	if slices.Contains(reserved, strings.ToLower(name)) {
		name += "_"
	}
	return name
}

// reservedWords are those that cannot be the name of a table.
func (e *engine) reservedWords() ([]string, error) {
	rows, err := e.rows("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')")
	if err != nil {
		return nil, err
	}
	words := make([]string, len(rows))
	for i, row := range rows {
		words[i] = row[0]
	}
	return words, nil
}

// openJob starts the engine within the job's limits. It keeps what it makes in
// a file, or in memory for "".
func openJob(j *job, file, mode string) (*engine, error) {
	if file == "" {
		file = ":memory:"
	}
	// The engine overshoots its limit by half; the rest is Go's.
	const share = 60
	e, err := openEngine(file,
		[2]string{"access_mode", mode},
		[2]string{"threads", fmt.Sprint(j.Threads)},
		[2]string{"memory_limit", fmt.Sprintf("%dKiB", j.Memory/100*share>>10)},
		[2]string{"temp_directory", spillDir},
		[2]string{"preserve_insertion_order", "true"},
		[2]string{"autoinstall_known_extensions", "false"},
		[2]string{"autoload_known_extensions", "false"},
		[2]string{"allow_community_extensions", "false"},
		[2]string{"allow_unsigned_extensions", "false"},
		[2]string{"enable_external_file_cache", "false"},
	)
	if err != nil {
		return nil, err
	}
	if err := e.shut(j.Files); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// shut leaves the engine no access but to the given files and, of its own
// accord, to its temporary directory.
func (e *engine) shut(files []jobFile) error {
	links := make([]string, len(files))
	for i, f := range files {
		links[i] = quote(f.Link)
	}
	for _, statement := range []string{
		"SET TimeZone = 'UTC'",
		"SET allowed_paths = [" + strings.Join(links, ", ") + "]",
		"SET enable_external_access = false",
	} {
		if err := e.exec(statement); err != nil {
			return err
		}
	}
	return nil
}

// lock makes all settings final.
func (e *engine) lock() error { return e.exec("SET lock_configuration = true") }

// view makes a table of an input, under its name, under the names of its files
// if it has one only, and under the alias if there is no other input.
func (e *engine) view(in *input, only bool) error {
	reader, err := e.reader(in)
	if err != nil {
		return err
	}
	names := []string{in.name}
	if only && !strings.EqualFold(in.name, tableAlias) {
		names = append(names, tableAlias)
	}
	if base := path.Base(in.files[0].Name); len(in.files) == 1 && base != in.name {
		names = append(names, base) // for FROM 'orders.csv'
	}
	for _, name := range names {
		if err := e.exec("CREATE TEMP VIEW " + identifier(name) + " AS " + reader); err != nil {
			return err
		}
	}
	return nil
}

// reader is the query that reads an input. A column that one of its files
// lacks is missing there; types are those that hold the values of all.
func (e *engine) reader(in *input) (string, error) {
	switch in.files[0].Format {
	case formatCSV:
		return e.readCSV(in.files)
	case formatJSON:
		return "FROM read_json(" + linkList(in.files) + packed(&in.files[0]) + ", format = 'auto', union_by_name = true, sample_size = -1)", nil
	}
	return "FROM " + readParquet(in.files), nil
}

func readParquet(files []jobFile) string {
	if len(files) == 1 {
		return "read_parquet(" + linkList(files) + ")"
	}
	// Without it the types of the first file cut the values of the others.
	return "read_parquet(" + linkList(files) + ", union_by_name = true)"
}

// csvOptions are how CSV is read: the whole file tells the types, what other
// readers of ours call missing is missing, and the buffers fit into the least
// memory.
const csvOptions = ", sample_size = -1, nullstr = ['', ' ', 'NA', '?'], buffer_size = 8388608"

// readCSV has the engine find out dialect and types of each file once, because
// a view is bound again in each statement.
func (e *engine) readCSV(files []jobFile) (string, error) {
	queries := make([]string, len(files))
	for i := range files {
		rows, err := e.rows("SELECT Prompt FROM sniff_csv(" + quote(files[i].Link) + packed(&files[i]) + csvOptions + ")")
		if err != nil {
			return "", err
		}
		if len(rows) != 1 || !strings.HasPrefix(rows[0][0], "FROM read_csv(") {
			return "", fmt.Errorf("the engine describes a CSV file in an unknown form: %q", rows)
		}
		queries[i] = strings.TrimSuffix(rows[0][0], ";")
	}
	return strings.Join(queries, " UNION ALL BY NAME "), nil
}

// packed says how a file is packed, which its link does not show.
func packed(f *jobFile) string {
	if c := f.Compression; c != "" {
		return ", compression = " + quote(c)
	}
	return ""
}

func linkList(files []jobFile) string {
	links := make([]string, len(files))
	for i, f := range files {
		links[i] = quote(f.Link)
	}
	return "[" + strings.Join(links, ", ") + "]"
}
