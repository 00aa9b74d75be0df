package ingest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tourney"
)

// sourceFormat is of the text that Source hashes and of what ingestion makes
// of bytes and options: it changes when either does.
const sourceFormat = 2

// Source names bytes and the options that decide what is made of them. Two
// requests with equal sources make the same dataset, so a client can ask for
// it before it uploads anything. hash is that of HashFiles.
func Source(req tourney.DatasetRequest, hash string) string {
	complete(&req)
	types := make([]string, 0, len(req.Types))
	for name, t := range req.Types {
		types = append(types, strings.Join(append([]string{name, string(t.Kind)}, t.Levels...), "\x00"))
	}
	slices.Sort(types)
	drop := slices.Clone(req.Drop)
	slices.Sort(drop)
	options := struct {
		SourceFormat int           `json:"source_format"`
		Target       string        `json:"target"`
		Task         tourney.Task  `json:"task"`
		Types        []string      `json:"types"`
		Split        tourney.Split `json:"split"`
		SQL          string        `json:"sql"`
		Drop         []string      `json:"drop"`
		Group        string        `json:"group"`
		Time         string        `json:"time"`
		Weight       string        `json:"weight"`
		Seed         uint64        `json:"seed"`
		Format       string        `json:"format"`
		Files        string        `json:"files"`
	}{sourceFormat, req.Target, req.Task, types, req.Split, req.SQL, append([]string{}, slices.Compact(drop)...), req.Group, req.Time, req.Weight, req.Seed, req.Format, hash}
	text, err := json.Marshal(options)
	if err != nil {
		panic(err) // texts and finite numbers can always be written
	}
	return hashOf(text)
}

// FileHash is a file as Source sees it.
type FileHash struct {
	Hash string // SHA-256 of the bytes, hex
	Test bool   // its rows are test rows
	Name string // matters for queries, which name the files, and for several files
}

// HashFiles returns the hash of files in their order: of one file that holds
// the whole table, that file's own.
func HashFiles(files []FileHash) string {
	if len(files) == 1 && !files[0].Test {
		return files[0].Hash
	}
	text, err := json.Marshal(files)
	if err != nil {
		panic(err) // texts can always be written
	}
	return hashOf(text)
}

// Manifest returns the bytes whose SHA-256 is a dataset's version: its JSON
// form with Name, Version and CreatedAt zeroed, since they are not the table's.
func Manifest(ds tourney.Dataset) ([]byte, error) {
	ds.Name, ds.Version, ds.CreatedAt = "", "", time.Time{}
	// nil and empty are one and the same, whoever kept them in between.
	ds.Columns = append([]tourney.Column{}, ds.Columns...)
	ds.Shards = append([]tourney.Shard{}, ds.Shards...)
	ds.Test = append([]tourney.Shard{}, ds.Test...)
	data, err := json.Marshal(ds)
	if err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	return data, nil
}

// complete fills in what an empty field means.
func complete(req *tourney.DatasetRequest) {
	req.Seed = cmp.Or(req.Seed, req.Split.Seed)
	req.Split.Seed = 0
	if k := req.Split.Kind; k != tourney.SplitColumn && k != tourney.SplitFile && req.Split.Rows == 0 {
		req.Split.Test = cmp.Or(req.Split.Test, tourney.DefaultTestShare)
	}
}

// checkRequest returns what is wrong with a request before its table is seen.
func checkRequest(req *tourney.DatasetRequest) error {
	var bad []tourney.FieldError
	if err := tourney.CheckName(req.Name); err != nil {
		bad = append(bad, tourney.FieldError{Path: "name", Message: err.Error()})
	}
	for _, e := range req.Split.Check() {
		bad = append(bad, tourney.FieldError{Path: "split." + e.Path, Message: e.Message})
	}
	switch req.Task {
	case "", tourney.Classification, tourney.Regression:
	default:
		bad = append(bad, tourney.FieldError{Path: "task", Message: fmt.Sprintf("%q must be classification or regression", req.Task)})
	}
	if len(bad) > 0 {
		return &tourney.InvalidError{Fields: bad}
	}
	complete(req)
	return nil
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
