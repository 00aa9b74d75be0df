package tourney_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"tourney"
)

// strange are texts that JSON has to escape, or that look like its syntax.
var strange = []string{"", "a", `"`, `\`, "a\nb", "<b>&", "é", "\u2028", "\x00", "}]", `{"a":1}`}

func anyParams(rng *rand.Rand) tourney.Params {
	p := tourney.Params{}
	for range rng.IntN(6) {
		key := strange[rng.IntN(len(strange))]
		switch rng.IntN(6) {
		case 0:
			p[key] = nil
		case 1:
			p[key] = rng.IntN(2) == 0
		case 2:
			p[key] = int64(rng.Uint64())
		case 3:
			p[key] = strange[rng.IntN(len(strange))]
		default:
			p[key] = anyFloat(rng) + 0.5
		}
	}
	return p
}

func anyFloat(rng *rand.Rand) float64 {
	f := math.Ldexp(rng.Float64()-0.5, rng.IntN(200)-100)
	if rng.IntN(4) == 0 {
		return math.Trunc(f)
	}
	return f
}

func anyEvent(rng *rand.Rand) tourney.EventBody {
	number := func() int { return int(rng.Uint64() >> (1 + rng.IntN(63))) }
	text := func() string { return strange[rng.IntN(len(strange))] }
	value := func() *float64 {
		if rng.IntN(3) == 0 {
			return nil
		}
		f := anyFloat(rng)
		return &f
	}
	switch rng.IntN(6) {
	case 0:
		e := tourney.Proposed{Trial: number(), Params: anyParams(rng)}
		if rng.IntN(3) == 0 {
			e.Parent = &tourney.Parent{Trial: number(), Step: number()}
		}
		if rng.IntN(3) == 0 {
			n := number()
			e.RetryOf = &n
		}
		return e
	case 1:
		return tourney.Queued{Trial: number(), Rung: number(), For: tourney.JobKind(text()), Budget: number(), Start: int64(number()), Finish: int64(number())}
	case 2:
		return tourney.Ended{Trial: number(), State: tourney.TrialState(text())}
	case 3:
		return tourney.Lost{Trial: number(), Attempt: number(), Error: text()}
	}
	end := tourney.End{Outcome: tourney.Outcome(text()), Step: number(), BestStep: -number(), Value: value(), Last: value(), Reason: tourney.Reason(text()), Error: text(), Whole: rng.IntN(3) == 0}
	for range rng.IntN(3) {
		if end.Metrics == nil {
			end.Metrics = tourney.Metrics{}
		}
		end.Metrics[text()] = anyFloat(rng)
	}
	return tourney.Reported{Trial: number(), Rung: number(), End: end}
}

// What is written without reflection is what encoding/json writes, and what is
// read is what was written, however it is spaced.
func TestEventsAreWrittenAsJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		e := anyEvent(rng)
		got, err := tourney.AppendEvent([]byte("before"), e)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if got = bytes.TrimPrefix(got, []byte("before")); !bytes.Equal(got, want) {
			t.Fatalf("wrote %s, want %s", got, want)
		}
		var spaced bytes.Buffer
		if err := json.Indent(&spaced, want, "", " "); err != nil {
			t.Fatal(err)
		}
		dense, err := tourney.DecodeEvent(e.Kind(), got)
		if err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		loose, err := tourney.DecodeEvent(e.Kind(), spaced.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		if !reflect.DeepEqual(dense, loose) {
			t.Fatalf("%s is read as %+v, and spaced as %+v", got, dense, loose)
		}
		if again, err := json.Marshal(dense); err != nil || !bytes.Equal(again, want) {
			t.Fatalf("%s comes back as %s, %v", want, again, err)
		}
	}
}

// plain has the fields and none of the methods.
type plain map[string]any

func TestParamsAreWrittenAsJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		p := anyParams(rng)
		got, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(plain(p))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("wrote %s, want %s, %v", got, want, err)
		}
	}
	if _, err := json.Marshal(tourney.Metrics{"a": math.NaN()}); err == nil {
		t.Error("NaN was written")
	}
	if text, err := json.Marshal(tourney.Params(nil)); err != nil || string(text) != "null" {
		t.Errorf("nil is %s, %v", text, err)
	}
}

// FuzzParams: the short way reads what the long way reads, and refuses what that
// refuses.
func FuzzParams(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"a":1}`, `{"a":1.5,"b":"x","c":null,"d":true}`, `{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":1e5}`, `{"a":+1}`, `{"a":1,}`, `{"a" :1}`,
		`{"a":"\u0041"}`, `null`, `[]`, `{"a":{}}`, `{"a":.5}`, `{"a":1e999}`, `{"a":9223372036854775808}`, `{"a":1}x`, `{"a":tru}`, `{"a":1,"a":2}`, `{"a":-0}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var fast tourney.Params
		errFast := json.Unmarshal(data, &fast)
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		var slow map[string]any
		errSlow := dec.Decode(&slow)
		if errSlow == nil && dec.More() {
			return // Unmarshal refuses what follows
		}
		if errSlow != nil {
			if errFast == nil {
				t.Fatalf("%q is read as %v, and encoding/json says %v", data, fast, errSlow)
			}
			return
		}
		if errFast != nil {
			return // numbers that are none of ours
		}
		if len(fast) != len(slow) {
			t.Fatalf("%q is read as %v, want %v", data, fast, slow)
		}
		for key, v := range slow {
			n, ok := v.(json.Number)
			if s, structured := fast[key].(tourney.Structured); structured { // a list or mapping, as it is written
				var inner any
				decoder := json.NewDecoder(strings.NewReader(string(s)))
				decoder.UseNumber()
				if err := decoder.Decode(&inner); err != nil || !reflect.DeepEqual(inner, v) {
					t.Fatalf("%q: %s is %v, want %v", data, key, s, v)
				}
				continue
			}
			if !ok {
				if !reflect.DeepEqual(fast[key], v) {
					t.Fatalf("%q: %s is %v, want %v", data, key, fast[key], v)
				}
				continue
			}
			want := any(nil)
			if i, err := n.Int64(); err == nil {
				want = i
			} else if f, err := n.Float64(); err == nil {
				want = f
			}
			if fast[key] != want {
				t.Fatalf("%q: %s is %v, want %v", data, key, fast[key], want)
			}
		}
	})
}

func BenchmarkAppendEvent(b *testing.B) {
	v := 0.123456
	e := tourney.Reported{Trial: 12345, End: tourney.End{Outcome: tourney.OutcomeDone, Step: 9, BestStep: 9, Value: &v, Metrics: tourney.Metrics{"rmse": v}}}
	var buf []byte
	for b.Loop() {
		var err error
		if buf, err = tourney.AppendEvent(buf[:0], e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEvent(b *testing.B) {
	text := []byte(`{"trial":12345,"params":{"lr":0.0123,"layers":3,"opt":"a","wd":1.25}}`)
	for b.Loop() {
		if _, err := tourney.DecodeEvent("proposed", text); err != nil {
			b.Fatal(err)
		}
	}
}
