package sql

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// tableFunctions are those that a query may call in FROM. All others read
// files, show the engine's insides or set it.
var tableFunctions = []string{
	"generate_series", "histogram", "histogram_values", "json_each", "json_tree", "range",
	"repeat", "repeat_row", "summary", "unnest",
}

// checkQuery refuses what is not one SELECT over the tables, and reports
// whether its rows have an order of their own.
func (e *engine) checkQuery(query string) (ordered bool, err error) {
	n, err := e.extract(query)
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, fail(failQuery, "the query holds no statement; one SELECT is needed")
	}
	root, err := e.parse(query)
	if err != nil {
		return false, err
	}
	if root == nil || n != 1 {
		if first := strings.ToUpper(firstWord(query)); first == "PIVOT" && n > 1 {
			return false, fail(failQuery, "PIVOT must say which values become columns, as in PIVOT t ON kind IN ('a', 'b') USING sum(x)")
		}
		if n > 1 {
			return false, fail(failQuery, "the query has %d statements; one SELECT is needed", n)
		}
		return false, fail(failQuery, "%s is refused: the query must be one SELECT", strings.ToUpper(firstWord(query)))
	}
	plain := true
	if err := walk(root, func(node map[string]any) error {
		if name, called := tableFunction(node); called && !slices.Contains(tableFunctions, strings.ToLower(name)) {
			return fail(failQuery, "the table function %s is refused: a query reads the given files as tables; besides it may call %s", name, strings.Join(tableFunctions, ", "))
		}
		plain = plain && isRowByRow(node)
		return nil
	}); err != nil {
		return false, err
	}
	return plain || hasModifier(root, "ORDER_MODIFIER"), nil
}

// parse returns the engine's own syntax tree of a SELECT, nil if the query is
// something else.
func (e *engine) parse(query string) (map[string]any, error) {
	rows, err := e.rows("SELECT json_serialize_sql(" + quote(query) + ")")
	if err != nil {
		return nil, err
	}
	var tree struct {
		Error      bool
		Statements []struct{ Node map[string]any }
	}
	if len(rows) != 1 {
		return nil, fmt.Errorf("the engine returns no syntax tree")
	}
	if err := json.Unmarshal([]byte(rows[0][0]), &tree); err != nil {
		return nil, fmt.Errorf("read syntax tree: %w", err)
	}
	if tree.Error || len(tree.Statements) != 1 {
		return nil, nil
	}
	return tree.Statements[0].Node, nil
}

// walk calls fn with each object of a tree.
func walk(tree any, fn func(map[string]any) error) error {
	switch node := tree.(type) {
	case map[string]any:
		if err := fn(node); err != nil {
			return err
		}
		for _, child := range node {
			if err := walk(child, fn); err != nil {
				return err
			}
		}
	case []any:
		for _, child := range node {
			if err := walk(child, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// tableFunction returns the name of the table function that a node calls.
func tableFunction(node map[string]any) (string, bool) {
	if node["type"] != "TABLE_FUNCTION" {
		return "", false
	}
	f, _ := node["function"].(map[string]any)
	name, _ := f["function_name"].(string)
	return name, true
}

// isRowByRow reports whether a part of a query leaves rows in the order in
// which it gets them.
func isRowByRow(node map[string]any) bool {
	switch node["type"] {
	case "JOIN", "PIVOT", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE":
		return false
	case "SELECT_NODE":
		groups, _ := node["group_sets"].([]any)
		return len(groups) == 0 && node["aggregate_handling"] == "STANDARD_HANDLING" &&
			node["sample"] == nil && !hasModifier(node, "DISTINCT_MODIFIER")
	}
	return node["class"] != "WINDOW" && node["class"] != "SUBQUERY" && node["sample"] == nil
}

// hasModifier reports whether a query has a clause like ORDER BY at its end.
func hasModifier(node map[string]any, kind string) bool {
	modifiers, _ := node["modifiers"].([]any)
	return slices.ContainsFunc(modifiers, func(m any) bool {
		modifier, _ := m.(map[string]any)
		return modifier["type"] == kind
	})
}

var (
	word      = regexp.MustCompile(`[A-Za-z]+`)
	comment   = regexp.MustCompile(`(?s)--[^\n]*|/\*.*?\*/`)
	queryLine = regexp.MustCompile(`\nLINE (\d+): `)
	fileLine  = regexp.MustCompile(`(?i)\bline:? (\d+)`)
)

// firstWord is what a statement is called in a message.
func firstWord(query string) string {
	if w := word.FindString(comment.ReplaceAllString(query, " ")); w != "" {
		return w
	}
	return "this"
}

// diagnose makes a failure of an error of the engine.
func diagnose(err error, j *job) error {
	said, ok := err.(*engineError) //nolint:errorlint // made and returned unwrapped in this package
	if !ok {
		return err
	}
	message := strings.TrimSpace(said.message)
	switch kind, _, _ := strings.Cut(message, " Error: "); {
	case kind == "Out of Memory":
		first, _, _ := strings.Cut(message, "\n")
		return fail(failMemory, "%s", first)
	case kind == "INTERNAL" || kind == "FATAL":
		return fail(failEngine, "%s", clean(message, j))
	case kind == "IO" && strings.Contains(message, "space left"):
		return fail(failEngine, "%s", clean(message, j))
	}
	if f := blamed(message, j); f != nil {
		return &failure{Kind: failFile, File: f.Name, Line: number(fileLine, message), Message: clean(message, j)}
	}
	if j.Query == "" {
		return &failure{Kind: failFile, File: j.Files[0].Name, Message: clean(message, j)}
	}
	return &failure{Kind: failQuery, Line: number(queryLine, message), Message: clean(message, j)}
}

// blamed is the file that a message names.
func blamed(message string, j *job) *jobFile {
	for i := range j.Files {
		if strings.Contains(message, j.Files[i].Link) {
			return &j.Files[i]
		}
	}
	if j.Query == "" && len(j.Files) == 1 {
		return &j.Files[0]
	}
	return nil
}

// clean gives the files in a message the names that people know, and leaves
// out what does not help them.
func clean(message string, j *job) string {
	for _, end := range []string{"\n\nPossible solutions", "\n\nPossible fixes", "\nPossible Solution", "\n  file = "} {
		message, _, _ = strings.Cut(message, end)
	}
	for _, f := range j.Files {
		message = strings.ReplaceAll(message, f.Link, f.Name)
	}
	return strings.TrimSpace(message)
}

// number is the first number that a pattern finds; 0 if there is none.
func number(pattern *regexp.Regexp, s string) int {
	m := pattern.FindStringSubmatch(s)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return n
}
