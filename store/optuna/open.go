package optuna

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"tourney"
)

// Recognise reports whether a file is a storage of Optuna's: a SQLite
// database, or a journal. What else it may be is not looked at.
func Recognise(path string) (bool, error) {
	if ok, err := isSQLite(path); ok || err != nil {
		return ok, err
	}
	return isJournal(path)
}

// Read reads all studies of a storage, in the order in which they were made.
// Times that have no zone are in the given one. It returns a
// tourney.ErrInvalid for a file that is no storage of Optuna 3 or later.
func Read(ctx context.Context, path string, zone *time.Location) ([]Study, error) {
	ok, err := isSQLite(path)
	if err != nil {
		return nil, err
	}
	if ok {
		return readSQLite(ctx, path, zone)
	}
	if ok, err = isJournal(path); err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w: %s is neither a SQLite file nor a journal of Optuna's", tourney.ErrInvalid, path)
	}
	return readJournal(path)
}

// isJournal reports whether the first line of a file is a record of a journal.
func isJournal(path string) (bool, error) {
	head, err := beginning(path, 4096)
	if err != nil {
		return false, fmt.Errorf("read Optuna storage: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(plainJSON(head)))
	var first struct {
		OpCode *int    `json:"op_code"`
		Worker *string `json:"worker_id"`
	}
	return dec.Decode(&first) == nil && first.OpCode != nil && first.Worker != nil, nil
}

// beginning returns at most the first n bytes of a file.
func beginning(path string, n int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, n)
	n, err = io.ReadFull(f, head)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:n], err
}
