package sql

import (
	"fmt"
	"strings"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"tourney/dataset/table"
)

const (
	// maxColumns is how many columns a table may have.
	maxColumns = 10_000
	// exactDigits is how many decimal digits a float64 holds for certain.
	exactDigits = 15
	// exact is the magnitude up to which a float64 holds all integers.
	exact = "9007199254740992"
)

// What a column's values tell, so that its type can be told.
type facts struct {
	exact    bool // all integers are ones that a float64 holds
	min, max int  // length of lists
}

// refuse returns why a column cannot be one of a table, nil if it can.
func refuse(c *column) *failure {
	name := identifier(c.name)
	var what, how string
	switch c.kind {
	case duckdb.TypeBlob:
		what, how = "BLOB", "octet_length("+name+") or hex("+name+")"
	case duckdb.TypeStruct:
		what, how = "STRUCT", name+".field"
	case duckdb.TypeMap:
		what, how = "MAP", name+"['key']"
	case duckdb.TypeUnion:
		what, how = "UNION", "union_extract("+name+", 'tag')"
	case duckdb.TypeList, duckdb.TypeArray:
		if isNumeric(c.elem) {
			return nil
		}
		what, how = "list of other things than numbers", "array_to_string("+name+", ' '), len("+name+") or "+name+"[1]"
	case duckdb.TypeGeometry, duckdb.TypeVariant, duckdb.TypeAny, duckdb.TypeInvalid:
		what, how = "value of a kind of its own", "CAST("+name+" AS VARCHAR)"
	default:
		return nil
	}
	return fail(failQuery, "column %s is a %s, which a table does not hold; let a query take %s instead, or SELECT * EXCLUDE (%s)", name, what, how, name)
}

func isNumeric(t duckdb.Type) bool {
	switch t {
	case duckdb.TypeFloat, duckdb.TypeDouble, duckdb.TypeDecimal:
		return true
	}
	return isInteger(t)
}

func isInteger(t duckdb.Type) bool { return isSmall(t) || isWide(t) }

// isSmall tells integers of which a float64 holds all.
func isSmall(t duckdb.Type) bool {
	switch t {
	case duckdb.TypeTinyInt, duckdb.TypeSmallInt, duckdb.TypeInteger, duckdb.TypeUTinyInt, duckdb.TypeUSmallInt, duckdb.TypeUInteger:
		return true
	}
	return false
}

// isWide tells integers of which a float64 holds some.
func isWide(t duckdb.Type) bool {
	switch t {
	case duckdb.TypeBigInt, duckdb.TypeUBigInt, duckdb.TypeHugeInt, duckdb.TypeUHugeInt:
		return true
	}
	return false
}

// isDoubtful tells columns whose values must be looked at: they are numbers if
// a float64 holds them all, and texts, like account numbers, if not.
func isDoubtful(c *column) bool {
	return isWide(c.kind) || c.kind == duckdb.TypeDecimal && c.scale == 0 && c.digit > exactDigits
}

// learn looks at the values of the columns whose type does not say enough, in
// one pass.
func (e *engine) learn(columns []column, from string) ([]facts, error) {
	known := make([]facts, len(columns))
	var asked []int
	var exprs []string
	for i := range columns {
		c, name := &columns[i], identifier(columns[i].name)
		known[i].exact = true
		switch {
		case isDoubtful(c):
			exprs = append(exprs, within("min("+name+")", "max("+name+")"))
		case c.kind == duckdb.TypeArray:
			known[i].min, known[i].max = c.size, c.size
			continue
		case c.kind == duckdb.TypeList:
			exprs = append(exprs, "CAST(min(len("+name+")) AS VARCHAR) || ' ' || CAST(max(len("+name+")) AS VARCHAR)")
		default:
			continue
		}
		asked = append(asked, i)
	}
	if len(asked) == 0 {
		return known, nil
	}
	rows, err := e.rows("SELECT " + strings.Join(exprs, ", ") + " FROM " + from)
	if err != nil {
		return nil, err
	}
	for k, i := range asked {
		value := rows[0][k]
		if columns[i].kind != duckdb.TypeList {
			known[i].exact = value == "true"
		} else if value != "" {
			if _, err := fmt.Sscan(value, &known[i].min, &known[i].max); err != nil {
				return nil, fmt.Errorf("read lengths of lists: %w", err)
			}
		}
	}
	return known, nil
}

// within is an expression: whether a float64 holds all integers from lo to hi.
func within(lo, hi string) string {
	return "CAST(coalesce(" + lo + " >= -" + exact + " AND " + hi + " <= " + exact + ", true) AS VARCHAR)"
}

// fieldsOf maps columns to fields.
func fieldsOf(columns []column, known []facts) ([]field, error) {
	var fields []field
	seen := map[string]int{}
	for i := range columns {
		made, err := expand(&columns[i], known[i])
		if err != nil {
			return nil, err
		}
		for _, f := range made {
			f.Name = strings.TrimSpace(f.Name)
			if f.Name == "" {
				return nil, fail(failQuery, "column %d has no name; let a query give it one, as in SELECT x AS name", i+1)
			}
			if other, ok := seen[f.Name]; ok {
				return nil, fail(failQuery, "columns %d and %d are both called %q; let a query rename one, as in SELECT x AS name", other+1, i+1, f.Name)
			}
			seen[f.Name] = i
			fields = append(fields, f)
		}
		if len(fields) > maxColumns {
			return nil, fail(failQuery, "the table has more than %d columns; let a query take fewer", maxColumns)
		}
	}
	if len(fields) == 0 {
		return nil, fail(failQuery, "the table has no columns")
	}
	return fields, nil
}

// expand makes the fields of a column: one, or one an element of its lists.
func expand(c *column, f facts) ([]field, error) {
	name := identifier(c.name)
	if c.kind != duckdb.TypeArray && c.kind != duckdb.TypeList {
		t, expr := convert(c, f)
		return []field{{Name: c.name, Type: t, SQL: expr}}, nil
	}
	if f.min != f.max || f.max == 0 {
		return nil, fail(failQuery, "the lists of column %s have from %d to %d values; only lists of one length become columns: let a query take len(%s), list_sum(%s) or %s[1] instead", name, f.min, f.max, name, name, name)
	}
	if f.max > maxColumns {
		return nil, fail(failQuery, "the lists of column %s have %d values; at most %d columns are taken", name, f.max, maxColumns)
	}
	fields := make([]field, f.max)
	for i := range fields {
		fields[i] = field{Name: fmt.Sprintf("%s_%d", c.name, i), Type: table.Number, SQL: fmt.Sprintf("CAST(%s[%d] AS DOUBLE)", name, i+1)}
	}
	return fields, nil
}

// convert returns the type of a column's values and the expression that yields
// them.
func convert(c *column, f facts) (table.Type, string) {
	name := identifier(c.name)
	switch c.kind {
	case duckdb.TypeBoolean:
		return table.Bool, "CAST(" + name + " AS DOUBLE)"
	case duckdb.TypeDate, duckdb.TypeTimestamp, duckdb.TypeTimestampS, duckdb.TypeTimestampMS, duckdb.TypeTimestampNS, duckdb.TypeTimestampTZ:
		// Seconds; the ends of time are no time.
		return table.Time, "CASE WHEN isfinite(" + name + ") THEN epoch(" + name + ") END"
	}
	if isNumeric(c.kind) && f.exact {
		return table.Number, "CAST(" + name + " AS DOUBLE)"
	}
	return table.Text, "CAST(" + name + " AS VARCHAR)"
}
