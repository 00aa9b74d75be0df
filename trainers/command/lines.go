package command

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tourney"
)

// MaxLine is the longest line that is read, in bytes; longer ones hold no
// metrics.
const MaxLine = 64 << 10

// LineReader reads observations out of lines of text.
type LineReader struct {
	metric  string // of the sweep
	formats []string
	re      *regexp.Regexp
	columns []string // csv: nil before the header
}

// NewLineReader returns a reader of a source's lines, for a sweep's metric.
// Without a format it reads JSON objects and name=value pairs. The error is
// that of an illegal regex.
func NewLineReader(m tourney.MetricSource, metric string) (*LineReader, error) {
	r := &LineReader{metric: metric, formats: []string{m.Format}, columns: m.Columns}
	if m.Format == "" {
		r.formats = []string{"json", "name=value"}
	}
	var err error
	if m.Format == "regex" {
		r.re, err = regexp.Compile(m.Regex)
	}
	return r, err
}

// Read reads a line without its end.
func (r *LineReader) Read(line string) []Observation {
	if len(line) > MaxLine {
		return nil
	}
	line = strings.TrimSpace(line)
	for _, format := range r.formats {
		var found []Observation
		switch format {
		case "json":
			found = readJSON(line)
		case "name=value":
			found = readPairs(line)
		case "regex":
			found = r.readRegex(line)
		case "csv":
			found = r.readCSV(line)
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// stepNames are the names under which programs tell a step, the first of them
// that is there.
var stepNames = []string{"step", "_step", "global_step", "iteration", "epoch"}

// observe makes an observation of named numbers. One that tells the step is no
// metric.
func observe(values tourney.Metrics) []Observation {
	o := Observation{Metrics: values}
	for _, name := range stepNames {
		if v, ok := values[name]; ok && v == math.Trunc(v) && v >= 0 && v <= maxStep {
			o.Step, o.HasStep = int(v), true
			delete(values, name)
			break
		}
	}
	if len(values) == 0 {
		return nil
	}
	return []Observation{o}
}

// notJSON are the numbers that Python's json writes and JSON does not have.
var notJSON = regexp.MustCompile(`([:\[,]\s*)(NaN|-?Infinity)\b`)

// readJSON reads an object. Names of nested objects are joined by dots, but for
// one called metrics; {"name": …, "value": …} is one metric.
func readJSON(line string) []Observation {
	if !strings.HasPrefix(line, "{") || !strings.HasSuffix(line, "}") {
		return nil
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(line), &object); err != nil {
		line = notJSON.ReplaceAllString(line, `$1"$2"`)
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			return nil
		}
	}
	if name, ok := object["name"].(string); ok {
		if v, ok := numeric(object["value"]); ok {
			delete(object, "name")
			delete(object, "value")
			object[name] = v
		}
	}
	values := tourney.Metrics{}
	flatten("", object, values, 0)
	return observe(values)
}

func flatten(prefix string, object map[string]any, into tourney.Metrics, depth int) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if nested, ok := object[name].(map[string]any); ok && depth < 8 {
			inner := prefix + name + "."
			if prefix == "" && name == "metrics" {
				inner = ""
			}
			flatten(inner, nested, into, depth+1)
			continue
		}
		if v, ok := numeric(object[name]); ok {
			into[prefix+name] = v
		}
	}
}

// numeric returns a number, or a text that stands for one that is not finite.
func numeric(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case string:
		if x, err := strconv.ParseFloat(v, 64); err == nil && (math.IsNaN(x) || math.IsInf(x, 0)) {
			return x, true
		}
	}
	return 0, false
}

const numberPattern = `[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|(?i:nan|inf(?:inity)?))`

var pairRE = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_./-]*)\s*=\s*(` + numberPattern + `)`)

// readPairs reads all name=value of a line whose values are numbers.
func readPairs(line string) []Observation {
	if strings.IndexByte(line, '=') < 0 { // most lines, and much faster found out
		return nil
	}
	values := tourney.Metrics{}
	for _, m := range pairRE.FindAllStringSubmatchIndex(line, -1) {
		partOfWord := m[0] > 0 && isWord(line[m[0]-1])
		if partOfWord || m[1] < len(line) && isWord(line[m[1]]) && !endOfSentence(line[m[1]:]) {
			continue
		}
		if v, err := strconv.ParseFloat(line[m[4]:m[5]], 64); err == nil || math.IsInf(v, 0) {
			values[line[m[2]:m[3]]] = v
		}
	}
	return observe(values)
}

func isWord(c byte) bool {
	return c == '_' || c == '.' || c == '-' || c == '+' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// endOfSentence reports whether what follows a number is a full stop.
func endOfSentence(rest string) bool {
	return rest[0] == '.' && (len(rest) == 1 || rest[1] == ' ')
}

// readRegex reads all matches of the sweep's expression.
func (r *LineReader) readRegex(line string) []Observation {
	var all []Observation
	for _, m := range r.re.FindAllStringSubmatch(line, 16) {
		values := tourney.Metrics{}
		name := ""
		for i, group := range r.re.SubexpNames() {
			if group == "name" {
				name = m[i]
			} else if v, ok := parse(m[i]); ok && group != "" {
				values[group] = v
			}
		}
		if v, ok := values["value"]; ok && name != "" {
			delete(values, "value")
			values[name] = v
		}
		all = append(all, observe(values)...)
	}
	return all
}

// readCSV reads a row. The header is the first line that has the sweep's metric
// as a column.
func (r *LineReader) readCSV(line string) []Observation {
	fields, err := csv.NewReader(strings.NewReader(line)).Read()
	if err != nil {
		return nil
	}
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	if r.columns == nil {
		if slices.Contains(fields, r.metric) {
			r.columns = fields
		}
		return nil
	}
	if len(fields) != len(r.columns) {
		return nil
	}
	values := tourney.Metrics{}
	for i, name := range r.columns {
		if v, ok := parse(fields[i]); ok && name != "" {
			values[name] = v
		}
	}
	return observe(values)
}

func parse(text string) (float64, bool) {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return v, err == nil || math.IsInf(v, 0)
}

// ReadReport reads what a program pushes: {"step": 3, "metrics": {"loss": 0.1}},
// without a step if it counts them not. Metrics may be nested, and NaN is
// written as Python writes it. The error says what would be right.
func ReadReport(body []byte) (Observation, error) {
	text := string(body)
	var report struct {
		Step    *int           `json:"step"`
		Metrics map[string]any `json:"metrics"`
	}
	if err := json.Unmarshal(body, &report); err != nil {
		if err := json.Unmarshal([]byte(notJSON.ReplaceAllString(text, `$1"$2"`)), &report); err != nil {
			return Observation{}, fmt.Errorf(`%w: a report is {"step": 3, "metrics": {"loss": 0.1}}: %w`, tourney.ErrInvalid, err)
		}
	}
	if report.Step != nil && (*report.Step < 0 || *report.Step > maxStep) {
		return Observation{}, fmt.Errorf("%w: step %d must be 0 or more", tourney.ErrInvalid, *report.Step)
	}
	o := Observation{Metrics: tourney.Metrics{}}
	flatten("", report.Metrics, o.Metrics, 0)
	if report.Step != nil {
		o.Step, o.HasStep = *report.Step, true
	}
	return o, nil
}
