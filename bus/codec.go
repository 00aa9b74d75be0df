package bus

import (
	"encoding/json"
	"fmt"

	"tourney"
)

// MaxBody is the largest message, in bytes. NATS refuses 1 MiB with its
// headers and closes the connection; this leaves room for them.
const MaxBody = 900 << 10

// encode returns a message's body, or a *tourney.InvalidError if it would be
// too large to send.
func encode(what string, v any) ([]byte, error) {
	marshal := func() ([]byte, error) { return json.Marshal(v) }
	if m, ok := v.(json.Marshaler); ok { // it needs no check that what it wrote is JSON
		marshal = m.MarshalJSON
	}
	body, err := marshal()
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", what, err)
	}
	if len(body) > MaxBody {
		return nil, tourney.Invalid(what, "%d bytes are too many for one message: send at most %d, in several messages", len(body), MaxBody)
	}
	return body, nil
}

// decode is the reverse of encode.
func decode(what string, body []byte, v any) error {
	if len(body) > MaxBody {
		return tourney.Invalid(what, "%d bytes are too many for one message: send at most %d", len(body), MaxBody)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return tourney.Invalid(what, "not the JSON of a %s: %v", what, err)
	}
	return nil
}
