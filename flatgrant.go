package tourney

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// Grants and the ends of attempts are most of what goes over the bus while trials
// are brief. The jobs of an answer differ in little: what they share is written
// once, and so read once.

// replyWire is a ClaimReply as it is sent. Each of Grants is a list: the number
// of its kind, trial, rung, attempt, seed, parameters and, if it has one, its
// checkpoint.
type replyWire struct {
	Kinds  []Grant         `json:"kinds"`
	Grants json.RawMessage `json:"grants"`
	Error  string          `json:"error,omitempty"`
}

// kind is what a grant has in common with others.
func (g *Grant) kind() Grant {
	k := *g
	k.Job.Trial, k.Job.Rung, k.Job.Seed, k.Job.Params, k.Job.Checkpoint = 0, 0, 0, nil, nil
	k.Token.Trial, k.Token.Attempt = 0, 0
	return k
}

// MarshalJSON writes what the grants have in common once.
func (r ClaimReply) MarshalJSON() ([]byte, error) {
	wire := replyWire{Error: r.Error, Kinds: []Grant{}}
	list := []byte{'['}
	for i := range r.Grants {
		g := &r.Grants[i]
		if g.Token.Sweep != g.Job.Sweep || g.Token.Trial != g.Job.Trial {
			return nil, fmt.Errorf("grant of %s has the token %s", g.Job.JobID, g.Token)
		}
		k, at := g.kind(), len(wire.Kinds)-1
		for at >= 0 && !reflect.DeepEqual(wire.Kinds[at], k) {
			at--
		}
		if at < 0 {
			at = len(wire.Kinds)
			wire.Kinds = append(wire.Kinds, k)
		}
		if i > 0 {
			list = append(list, ',')
		}
		var err error
		if list, err = g.appendOwn(list, at); err != nil {
			return nil, err
		}
	}
	wire.Grants = append(list, ']')
	return json.Marshal(wire)
}

// appendOwn appends what the grant has of its own.
func (g *Grant) appendOwn(dst []byte, kind int) (_ []byte, err error) {
	dst = append(dst, '[')
	for _, n := range []int{kind, g.Job.Trial, g.Job.Rung, g.Token.Attempt} {
		dst = append(strconv.AppendInt(dst, int64(n), 10), ',')
	}
	dst = append(strconv.AppendUint(dst, g.Job.Seed, 10), ',')
	if dst, err = appendObject(dst, g.Job.Params, appendParam); err != nil {
		return nil, err
	}
	if g.Job.Checkpoint != nil {
		text, err := json.Marshal(g.Job.Checkpoint)
		if err != nil {
			return nil, err
		}
		dst = append(append(dst, ','), text...)
	}
	return append(dst, ']'), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *ClaimReply) UnmarshalJSON(data []byte) error {
	var wire replyWire
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	*r = ClaimReply{Error: wire.Error}
	if len(wire.Grants) == 0 {
		return nil
	}
	if r.readFlat(&wire) {
		return nil
	}
	var list [][]json.RawMessage
	if err := json.Unmarshal(wire.Grants, &list); err != nil {
		return err
	}
	r.Grants = nil
	for i, own := range list {
		var kind, trial, rung, attempt int
		var seed uint64
		var params Params
		var checkpoint *Checkpoint
		parts := []any{&kind, &trial, &rung, &attempt, &seed, &params, &checkpoint}
		if len(own) != len(parts) && len(own) != len(parts)-1 {
			return fmt.Errorf("grant %d has %d parts, not 6 or 7", i, len(own))
		}
		for k, text := range own {
			if err := json.Unmarshal(text, parts[k]); err != nil {
				return fmt.Errorf("grant %d: %w", i, err)
			}
		}
		if kind < 0 || kind >= len(wire.Kinds) {
			return fmt.Errorf("grant %d is of kind %d, of %d", i, kind, len(wire.Kinds))
		}
		r.add(&wire.Kinds[kind], trial, rung, attempt, seed, params)
		r.Grants[i].Job.Checkpoint = checkpoint
	}
	return nil
}

// add adds a grant of a kind.
func (r *ClaimReply) add(kind *Grant, trial, rung, attempt int, seed uint64, params Params) {
	g := *kind
	g.Job.Trial, g.Job.Rung, g.Job.Seed, g.Job.Params = trial, rung, seed, params
	g.Token.Trial, g.Token.Attempt = trial, attempt
	r.Grants = append(r.Grants, g)
}

// readFlat reads grants without checkpoints whose parameters are scalars, and
// reports whether all are such.
func (r *ClaimReply) readFlat(wire *replyWire) bool {
	f := &flat{text: wire.Grants}
	f.take('[')
	for first := true; !f.strange; first = false {
		if len(f.text) > 0 && f.text[0] == ']' {
			f.take(']')
			return f.whole()
		}
		if !first {
			f.take(',')
		}
		f.take('[')
		var n [4]int64 // kind, trial, rung, attempt
		for i := range n {
			n[i] = f.integer()
			f.take(',')
		}
		seed, err := strconv.ParseUint(f.digits(), 10, 64)
		f.take(',')
		params := f.params()
		f.take(']')
		if f.strange || err != nil || n[0] < 0 || n[0] >= int64(len(wire.Kinds)) {
			return false
		}
		r.add(&wire.Kinds[n[0]], int(n[1]), int(n[2]), int(n[3]), seed, params)
	}
	return false
}

// plainEntry is an Entry that encoding/json writes and reads by itself.
type plainEntry Entry

// MarshalJSON writes what encoding/json would write: without its detours if the
// entry is an end and nothing else but telemetry.
func (e Entry) MarshalJSON() ([]byte, error) {
	if e.End == nil || len(e.Points) > 0 || e.Checkpoint != nil || len(e.Log) > 0 || len(e.Artifacts) > 0 {
		return json.Marshal(plainEntry(e))
	}
	dst, err := appendString(append(make([]byte, 0, 384), `{"token":{"epoch":`...), e.Token.Epoch)
	if err != nil {
		return nil, err
	}
	if dst, err = appendString(append(dst, `,"sweep":`...), e.Token.Sweep); err != nil {
		return nil, err
	}
	dst = strconv.AppendInt(append(dst, `,"trial":`...), int64(e.Token.Trial), 10)
	dst = strconv.AppendInt(append(dst, `,"attempt":`...), int64(e.Token.Attempt), 10)
	dst = strconv.AppendInt(append(dst, `},"rung":`...), int64(e.Rung), 10)
	if dst, err = e.End.appendFields(append(dst, `,"end":{`...)); err != nil {
		return nil, err
	}
	dst = append(dst, '}')
	if t := e.Telemetry; t != nil {
		if dst, err = appendFloat(append(dst, `,"telemetry":{"rows_per_second":`...), t.RowsPerSecond); err != nil {
			return nil, err
		}
		dst = append(strconv.AppendInt(append(dst, `,"memory_bytes":`...), t.Memory, 10), '}')
	}
	return append(dst, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON writes, and all other JSON of an entry.
func (e *Entry) UnmarshalJSON(data []byte) error {
	f := &flat{text: data}
	var fast Entry
	f.members(func(key []byte) {
		switch string(key) {
		case "token":
			f.members(func(key []byte) { f.token(&fast.Token, string(key)) })
		case "rung":
			fast.Rung = int(f.integer())
		case "end":
			var r Reported
			f.members(func(key []byte) {
				if k := string(key); k == "trial" || k == "rung" {
					f.strange = true
				} else {
					f.reported(&r, k)
				}
			})
			fast.End = &r.End
		case "telemetry":
			fast.Telemetry = &Telemetry{}
			f.members(func(key []byte) {
				switch string(key) {
				case "rows_per_second":
					fast.Telemetry.RowsPerSecond = f.float()
				case "memory_bytes":
					fast.Telemetry.Memory = f.integer()
				default:
					f.strange = true
				}
			})
		default:
			f.strange = true
		}
	})
	if f.whole() {
		*e = fast
		return nil
	}
	return json.Unmarshal(data, (*plainEntry)(e))
}

func (f *flat) token(t *Token, key string) {
	switch key {
	case "epoch":
		t.Epoch = string(f.word())
	case "sweep":
		t.Sweep = string(f.word())
	case "trial":
		t.Trial = int(f.integer())
	case "attempt":
		t.Attempt = int(f.integer())
	default:
		f.strange = true
	}
}
