package store

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"tourney"
)

// token is what a cursor holds: which list it is of, and the key of the last
// row seen.
type token[K any] struct {
	List string `json:"l"`
	Key  K      `json:"k"`
}

// cursorAfter returns the cursor of what follows on key in a list.
func cursorAfter[K any](list string, key K) (string, error) {
	b, err := json.Marshal(token[K]{list, key})
	if err != nil {
		return "", fmt.Errorf("write cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// readCursor returns the key in a cursor, or first if there is none.
func readCursor[K any](list, cursor string, first K) (K, error) {
	if cursor == "" {
		return first, nil
	}
	var t token[K]
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		err = dec.Decode(&t)
	}
	if err != nil || t.List != list {
		return first, tourney.Invalid("cursor", "is not one that this list gave; leave it out to start anew")
	}
	return t.Key, nil
}

// pageSize is how many rows a page has.
func pageSize(limit int) int {
	if limit <= 0 {
		return tourney.DefaultPage
	}
	return min(limit, tourney.MaxPage)
}

// cut takes the row too many off a page, and returns the cursor of the next
// page if there was one.
func cut[R, K any](list string, rows []R, size int, key func(*R) K) ([]R, string, error) {
	if len(rows) <= size {
		return rows, "", nil
	}
	rows = rows[:size]
	next, err := cursorAfter(list, key(&rows[size-1]))
	return rows, next, err
}
