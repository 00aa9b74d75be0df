package tourney

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
)

// The log and the bus write and read the same few objects by the hundred
// thousand: parameters, metrics, and what happens to single trials. What follows
// does that without reflection. It writes what encoding/json would write, byte
// for byte, and reads only that form: whatever else is legal JSON goes to
// encoding/json.

// appendString appends a JSON string.
func appendString(dst []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, err := json.Marshal(s)
			return append(dst, text...), err
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"'), nil
}

// appendFloat appends a number.
func appendFloat(dst []byte, f float64) ([]byte, error) {
	abs := math.Abs(f)
	if !(abs == 0 || abs >= 1e-6 && abs < 1e21) { // not finite, or with an exponent
		text, err := json.Marshal(f)
		return append(dst, text...), err
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64), nil
}

// appendObject appends an object with its keys sorted.
func appendObject[V any](dst []byte, m map[string]V, value func([]byte, V) ([]byte, error)) (_ []byte, err error) {
	if m == nil {
		return append(dst, "null"...), nil
	}
	var room [16]string
	keys := slices.AppendSeq(room[:0], maps.Keys(m))
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, key := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendString(dst, key); err != nil {
			return nil, err
		}
		if dst, err = value(append(dst, ':'), m[key]); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func appendParam(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case float64:
		return appendFloat(dst, v)
	case string:
		return appendString(dst, v)
	}
	text, err := json.Marshal(v)
	return append(dst, text...), err
}

// AppendEvent appends the JSON of an event's body.
func AppendEvent(dst []byte, body EventBody) (_ []byte, err error) {
	number := func(key string, n int64) {
		dst = append(dst, key...)
		dst = strconv.AppendInt(dst, n, 10)
	}
	switch e := body.(type) {
	case Proposed:
		if e.Parent != nil || e.RetryOf != nil {
			break
		}
		number(`{"trial":`, int64(e.Trial))
		if dst, err = appendObject(append(dst, `,"params":`...), e.Params, appendParam); err != nil {
			return nil, err
		}
		return append(dst, '}'), nil
	case Queued:
		number(`{"trial":`, int64(e.Trial))
		number(`,"rung":`, int64(e.Rung))
		if dst, err = appendString(append(dst, `,"for":`...), string(e.For)); err != nil {
			return nil, err
		}
		number(`,"budget":`, int64(e.Budget))
		number(`,"start":`, e.Start)
		number(`,"finish":`, e.Finish)
		return append(dst, '}'), nil
	case Ended:
		number(`{"trial":`, int64(e.Trial))
		if dst, err = appendString(append(dst, `,"state":`...), string(e.State)); err != nil {
			return nil, err
		}
		return append(dst, '}'), nil
	case Reported:
		number(`{"trial":`, int64(e.Trial))
		number(`,"rung":`, int64(e.Rung))
		dst = append(dst, ',')
		if dst, err = e.appendFields(dst); err != nil {
			return nil, err
		}
		return append(dst, '}'), nil
	}
	text, err := json.Marshal(body)
	return append(dst, text...), err
}

// appendFields appends what an end says, without the braces.
func (e *End) appendFields(dst []byte) (_ []byte, err error) {
	if dst, err = appendString(append(dst, `"outcome":`...), string(e.Outcome)); err != nil {
		return nil, err
	}
	dst = strconv.AppendInt(append(dst, `,"step":`...), int64(e.Step), 10)
	dst = strconv.AppendInt(append(dst, `,"best_step":`...), int64(e.BestStep), 10)
	for _, v := range []struct {
		key   string
		value *float64
	}{{`,"value":`, e.Value}, {`,"last":`, e.Last}} {
		if v.value != nil {
			if dst, err = appendFloat(append(dst, v.key...), *v.value); err != nil {
				return nil, err
			}
		}
	}
	if len(e.Metrics) > 0 {
		if dst, err = appendObject(append(dst, `,"metrics":`...), e.Metrics, appendFloat); err != nil {
			return nil, err
		}
	}
	for _, v := range []struct{ key, value string }{{`,"reason":`, string(e.Reason)}, {`,"error":`, e.Error}} {
		if v.value != "" {
			if dst, err = appendString(append(dst, v.key...), v.value); err != nil {
				return nil, err
			}
		}
	}
	if e.Whole {
		dst = append(dst, `,"whole":true`...)
	}
	return dst, nil
}

// flat reads an object as it was written above. Once strange, it reads no more.
type flat struct {
	text    []byte
	strange bool
}

// take reads a byte that must come.
func (f *flat) take(c byte) {
	if len(f.text) == 0 || f.text[0] != c {
		f.strange, f.text = true, nil
		return
	}
	f.text = f.text[1:]
}

// members calls read for each key of an object, to read its value.
func (f *flat) members(read func(key []byte)) {
	f.take('{')
	for first := true; !f.strange; first = false {
		if len(f.text) > 0 && f.text[0] == '}' {
			f.text = f.text[1:]
			return
		}
		if !first {
			f.take(',')
		}
		key := f.word()
		f.take(':')
		if !f.strange {
			read(key)
		}
	}
}

// word reads a string without escapes.
func (f *flat) word() []byte {
	f.take('"')
	for i, c := range f.text {
		if c == '"' {
			w := f.text[:i]
			f.text = f.text[i+1:]
			return w
		}
		if c < ' ' || c > '~' || c == '\\' {
			break
		}
	}
	f.strange = true
	return nil
}

// digits reads what a number is made of.
func (f *flat) digits() string {
	n := 0
	for n < len(f.text) && (f.text[n] >= '0' && f.text[n] <= '9' || f.text[n] == '-' || f.text[n] == '+' || f.text[n] == '.' || f.text[n] == 'e' || f.text[n] == 'E') {
		n++
	}
	s := string(f.text[:n])
	f.text = f.text[n:]
	f.strange = f.strange || !numeric(s)
	return s
}

// numeric reports whether a text of such characters is a number of JSON, which
// has no leading zero, no plus and no end in a point.
func numeric(s string) bool {
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	if s == "" || s[0] < '0' || s[0] > '9' || s[0] == '0' && len(s) > 1 && s[1] >= '0' && s[1] <= '9' {
		return false
	}
	for i := range len(s) {
		if s[i] == '.' && (i+1 == len(s) || s[i+1] < '0' || s[i+1] > '9') {
			return false
		}
	}
	return true
}

func (f *flat) integer() int64 {
	n, err := strconv.ParseInt(f.digits(), 10, 64)
	f.strange = f.strange || err != nil
	return n
}

func (f *flat) float() float64 {
	x, err := strconv.ParseFloat(f.digits(), 64)
	f.strange = f.strange || err != nil
	return x
}

// param reads a scalar.
func (f *flat) param() any {
	if len(f.text) == 0 {
		f.strange = true
		return nil
	}
	for _, w := range []struct {
		text  string
		value any
	}{{"true", true}, {"false", false}, {"null", nil}} {
		if len(f.text) >= len(w.text) && string(f.text[:len(w.text)]) == w.text {
			f.text = f.text[len(w.text):]
			return w.value
		}
	}
	if f.text[0] == '"' {
		return string(f.word())
	}
	s := f.digits()
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	x, err := strconv.ParseFloat(s, 64)
	f.strange = f.strange || err != nil
	return x
}

func (f *flat) params() Params {
	p := Params{}
	f.members(func(key []byte) { p[string(key)] = f.param() })
	return p
}

func (f *flat) metrics() Metrics {
	m := Metrics{}
	f.members(func(key []byte) { m[string(key)] = f.float() })
	return m
}

// whole reports whether all was read.
func (f *flat) whole() bool { return !f.strange && len(f.text) == 0 }

// decodeFlat reads the events that AppendEvent writes by itself, and reports
// whether it could.
func decodeFlat(kind string, data []byte) (EventBody, bool) {
	f := &flat{text: data}
	switch kind {
	case "proposed":
		var e Proposed
		f.members(func(key []byte) {
			switch string(key) {
			case "trial":
				e.Trial = int(f.integer())
			case "params":
				e.Params = f.params()
			default:
				f.strange = true
			}
		})
		return e, f.whole()
	case "queued":
		var e Queued
		f.members(func(key []byte) {
			switch string(key) {
			case "trial":
				e.Trial = int(f.integer())
			case "rung":
				e.Rung = int(f.integer())
			case "for":
				e.For = JobKind(f.word())
			case "budget":
				e.Budget = int(f.integer())
			case "start":
				e.Start = f.integer()
			case "finish":
				e.Finish = f.integer()
			default:
				f.strange = true
			}
		})
		return e, f.whole()
	case "ended":
		var e Ended
		f.members(func(key []byte) {
			switch string(key) {
			case "trial":
				e.Trial = int(f.integer())
			case "state":
				e.State = TrialState(f.word())
			default:
				f.strange = true
			}
		})
		return e, f.whole()
	case "reported":
		var e Reported
		f.members(func(key []byte) { f.reported(&e, string(key)) })
		return e, f.whole()
	}
	return nil, false
}

func (f *flat) reported(e *Reported, key string) {
	switch key {
	case "trial":
		e.Trial = int(f.integer())
	case "rung":
		e.Rung = int(f.integer())
	case "outcome":
		e.Outcome = Outcome(f.word())
	case "step":
		e.Step = int(f.integer())
	case "best_step":
		e.BestStep = int(f.integer())
	case "value":
		v := f.float()
		e.Value = &v
	case "last":
		v := f.float()
		e.Last = &v
	case "metrics":
		e.Metrics = f.metrics()
	case "reason":
		e.Reason = Reason(f.word())
	case "error":
		e.Error = string(f.word())
	default:
		f.strange = true
	}
}
