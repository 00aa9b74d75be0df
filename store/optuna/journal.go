package optuna

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"tourney"
)

// The operations of a journal: one JSON object a line, applied in order. Ids
// of studies and trials are not written; they count from 0 in that order, over
// all studies.
const (
	opCreateStudy = iota
	opDeleteStudy
	opStudyUserAttr
	opStudySystemAttr
	opCreateTrial
	opTrialParam
	opTrialState
	opTrialValue
	opTrialUserAttr
	opTrialSystemAttr
	opDiscardTrials // of another program; Optuna passes over it
)

// direction is a goal as the two files write it.
type direction struct {
	name   string // in SQLite
	number int    // in a journal
}

func directions(s *Study) []direction {
	if len(s.Directions) == 0 {
		return []direction{{"NOT_SET", 0}}
	}
	all := make([]direction, len(s.Directions))
	for i, goal := range s.Directions {
		all[i] = direction{"MINIMIZE", 1}
		if goal == tourney.Maximize {
			all[i] = direction{"MAXIMIZE", 2}
		}
	}
	return all
}

func goalNamed(name string) tourney.Goal {
	switch name {
	case "MINIMIZE":
		return tourney.Minimize
	case "MAXIMIZE":
		return tourney.Maximize
	}
	return ""
}

// sorted walks a map in the order of its keys.
func sorted[K int64 | string, V any](m map[K]V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// record is a line of a journal. Which fields it has depends on OpCode.
type record struct {
	OpCode     int                        `json:"op_code"`
	StudyName  string                     `json:"study_name"`
	Directions []int                      `json:"directions"`
	StudyID    int                        `json:"study_id"`
	TrialID    int                        `json:"trial_id"`
	State      *State                     `json:"state"`
	Start      *string                    `json:"datetime_start"`
	End        *string                    `json:"datetime_complete"`
	Value      *number                    `json:"value"`
	Values     []number                   `json:"values"`
	Step       int64                      `json:"step"`
	Curve      *number                    `json:"intermediate_value"`
	Name       string                     `json:"param_name"`
	Internal   float64                    `json:"param_value_internal"`
	Dist       string                     `json:"distribution"`
	Params     map[string]float64         `json:"params"`
	Dists      map[string]string          `json:"distributions"`
	UserAttr   map[string]json.RawMessage `json:"user_attr"`
	SystemAttr map[string]json.RawMessage `json:"system_attr"`
	UserAttrs  map[string]json.RawMessage `json:"user_attrs"`
	SysAttrs   map[string]json.RawMessage `json:"system_attrs"`
	Curves     map[int64]number           `json:"intermediate_values"`
}

// maxLine is the longest line of a journal that is read, in bytes.
const maxLine = 64 << 20

// readJournal reads all studies of a journal. A last line without an end was
// being written, and is passed over, as Optuna does.
func readJournal(path string) ([]Study, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read Optuna storage: %w", err)
	}
	defer f.Close()
	p := &player{}
	r := bufio.NewReaderSize(f, 1<<16)
	for line := 1; ; line++ {
		text, err := readLine(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = p.play(text)
		}
		if err != nil {
			return nil, fmt.Errorf("read Optuna storage %s: line %d: %w", path, line, err)
		}
	}
	studies := make([]Study, 0, len(p.studies))
	for i, s := range p.studies {
		if s == nil {
			continue
		}
		for _, t := range p.trials {
			if t.study == i {
				slices.SortFunc(t.Params, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
				s.Trials = append(s.Trials, t.Trial)
			}
		}
		studies = append(studies, *s)
	}
	return studies, nil
}

func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, fmt.Errorf("%w: it is longer than %d bytes", tourney.ErrInvalid, maxLine)
		case err == nil:
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// player applies records in order.
type player struct {
	studies []*Study // by id; nil: deleted
	trials  []*played
}

type played struct {
	Trial
	study int
}

func (p *player) play(line []byte) error {
	var r record
	if err := json.Unmarshal(plainJSON(line), &r); err != nil {
		return fmt.Errorf("%w: it is no record of a journal: %w", tourney.ErrInvalid, err)
	}
	switch r.OpCode {
	case opCreateStudy:
		return p.createStudy(&r)
	case opDeleteStudy, opStudyUserAttr, opStudySystemAttr, opCreateTrial:
		if r.StudyID < 0 || r.StudyID >= len(p.studies) || p.studies[r.StudyID] == nil {
			return nil // deleted in between by somebody else
		}
	case opTrialParam, opTrialState, opTrialValue, opTrialUserAttr, opTrialSystemAttr:
		if r.TrialID < 0 || r.TrialID >= len(p.trials) || p.trials[r.TrialID].State.ended() {
			return nil // what comes after a trial's end does not count
		}
		return p.trials[r.TrialID].change(&r)
	case opDiscardTrials:
		return nil
	default:
		return fmt.Errorf("%w: there is no operation %d", tourney.ErrInvalid, r.OpCode)
	}
	s := p.studies[r.StudyID]
	switch r.OpCode {
	case opDeleteStudy:
		p.studies[r.StudyID] = nil
	case opStudyUserAttr:
		maps.Copy(s.UserAttrs, r.UserAttr)
	case opStudySystemAttr:
		maps.Copy(s.SystemAttrs, r.SystemAttr)
	case opCreateTrial:
		return p.createTrial(&r)
	}
	return nil
}

func (p *player) createStudy(r *record) error {
	for _, s := range p.studies {
		if s != nil && s.Name == r.StudyName {
			return nil // two made it at a time; the first did
		}
	}
	s := &Study{Name: r.StudyName, UserAttrs: map[string]json.RawMessage{}, SystemAttrs: map[string]json.RawMessage{}}
	for _, d := range r.Directions {
		switch d {
		case 1:
			s.Directions = append(s.Directions, tourney.Minimize)
		case 2:
			s.Directions = append(s.Directions, tourney.Maximize)
		}
	}
	p.studies = append(p.studies, s)
	return nil
}

// createTrial takes in a trial, which may come with all that is known of it.
func (p *player) createTrial(r *record) error {
	t := &played{Trial: newTrial(), study: r.StudyID}
	if r.State != nil {
		t.State = *r.State
	}
	t.Start, t.End = journalTime(r.Start), journalTime(r.End)
	for name, x := range sorted(r.Params) {
		param, err := readParam(name, r.Dists[name], x)
		if err != nil {
			return err
		}
		t.Params = append(t.Params, param)
	}
	for step, v := range r.Curves {
		t.Curve[step] = float64(v)
	}
	maps.Copy(t.UserAttrs, r.UserAttrs)
	maps.Copy(t.SystemAttrs, r.SysAttrs)
	t.values(r)
	p.trials = append(p.trials, t)
	return nil
}

func (t *played) values(r *record) {
	if r.Values == nil && r.Value != nil {
		r.Values = []number{*r.Value}
	}
	if r.Values != nil {
		t.Values = t.Values[:0]
		for _, v := range r.Values {
			t.Values = append(t.Values, float64(v))
		}
	}
}

func (t *played) change(r *record) error {
	switch r.OpCode {
	case opTrialParam:
		param, err := readParam(r.Name, r.Dist, r.Internal)
		if err != nil {
			return err
		}
		t.Params = slices.DeleteFunc(t.Params, func(q Param) bool { return q.Name == r.Name })
		t.Params = append(t.Params, param)
	case opTrialState:
		if r.State == nil || *r.State < Running || *r.State > Waiting {
			return fmt.Errorf("%w: it names no state of a trial", tourney.ErrInvalid)
		}
		t.State = *r.State
		if r.Start != nil {
			t.Start = journalTime(r.Start)
		}
		if r.End != nil {
			t.End = journalTime(r.End)
		}
		t.values(r)
	case opTrialValue:
		if r.Curve != nil {
			t.Curve[r.Step] = float64(*r.Curve)
		}
	case opTrialUserAttr:
		maps.Copy(t.UserAttrs, r.UserAttr)
	case opTrialSystemAttr:
		maps.Copy(t.SystemAttrs, r.SystemAttr)
	}
	return nil
}

// journalLayout is how Python writes a time with its zone.
const journalLayout = "2006-01-02T15:04:05.000000-07:00"

func journalTime(text *string) *time.Time {
	if text == nil {
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999"} {
		if t, err := time.Parse(layout, *text); err == nil {
			t = t.UTC()
			return &t
		}
	}
	return nil
}

// WriteJournal writes studies as a journal, each trial as one record.
func WriteJournal(w io.Writer, studies ...Study) error {
	out := bufio.NewWriter(w)
	for id := range studies {
		s := &studies[id]
		numbers := make([]int, 0, len(s.Directions))
		for _, d := range directions(s) {
			numbers = append(numbers, d.number)
		}
		line(out, opCreateStudy, field{"study_name", s.Name}, field{"directions", numbers})
		for key, value := range sorted(s.UserAttrs) {
			line(out, opStudyUserAttr, field{"study_id", id}, field{"user_attr", map[string]json.RawMessage{key: value}})
		}
		for key, value := range sorted(s.SystemAttrs) {
			line(out, opStudySystemAttr, field{"study_id", id}, field{"system_attr", map[string]json.RawMessage{key: value}})
		}
		for i := range s.Trials {
			writeTrial(out, id, &s.Trials[i])
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write Optuna journal: %w", err)
	}
	return nil
}

func writeTrial(out *bufio.Writer, study int, t *Trial) {
	params, dists := map[string]float64{}, map[string]string{}
	for i := range t.Params {
		p := &t.Params[i]
		params[p.Name], _ = p.Distribution.internal(p.Value)
		dists[p.Name] = p.Distribution.String()
	}
	fields := []field{
		{"study_id", study},
		{"datetime_start", pythonTime(t.Start)},
		{"state", int(t.State)},
		{"distributions", dists},
		{"params", params},
		{"user_attrs", orEmpty(t.UserAttrs)},
		{"system_attrs", orEmpty(t.SystemAttrs)},
		{"intermediate_values", curve(t.Curve)},
	}
	if t.End != nil {
		fields = append(fields, field{"datetime_complete", pythonTime(t.End)})
	}
	if len(t.Values) > 0 {
		fields = append(fields, field{"values", values(t.Values)})
	}
	line(out, opCreateTrial, fields...)
}

func orEmpty(m map[string]json.RawMessage) map[string]json.RawMessage {
	if m == nil {
		return map[string]json.RawMessage{}
	}
	return m
}

func pythonTime(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UTC().Format(journalLayout)
}

// literal is text that is written as it is: Python's JSON has numbers that
// Go's has not.
type literal []byte

func values(vs []float64) literal {
	parts := make([][]byte, len(vs))
	for i, v := range vs {
		parts[i] = number(v).text()
	}
	return literal("[" + string(bytes.Join(parts, []byte(","))) + "]")
}

func curve(points map[int64]float64) literal {
	var parts [][]byte
	for step, v := range sorted(points) {
		parts = append(parts, fmt.Appendf(nil, `"%d":%s`, step, number(v).text()))
	}
	return literal("{" + string(bytes.Join(parts, []byte(","))) + "}")
}

// field is a key of a record with its value.
type field struct {
	key   string
	value any
}

// line writes a record. The writer keeps its first error.
func line(out *bufio.Writer, op int, fields ...field) {
	text := fmt.Appendf(nil, `{"op_code":%d,"worker_id":"tourney"`, op)
	for _, f := range fields {
		data, ok := f.value.(literal)
		if !ok {
			data, _ = json.Marshal(f.value) // of texts, finite numbers, and JSON
		}
		text = fmt.Appendf(text, `,%q:%s`, f.key, data)
	}
	_, _ = out.Write(append(text, "}\n"...))
}
