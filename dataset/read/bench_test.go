package read_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney/dataset/read"
	"tourney/dataset/table"
)

// benchmark reads a text again and again.
func benchmark(b *testing.B, name, text string) {
	path := filepath.Join(b.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	source, err := read.Open(context.Background(), []read.File{{Name: name, Path: path}}, read.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer source.Close()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := source.Scan(context.Background(), func(*table.Batch) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

const benchRows = 100_000

func BenchmarkCSVNumbers(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var s strings.Builder
	s.WriteString("a,b,c,d,e,f,g,h,i,j\n")
	for range benchRows {
		for c := range 10 {
			if c > 0 {
				s.WriteByte(',')
			}
			fmt.Fprintf(&s, "%.4f", r.NormFloat64())
		}
		s.WriteByte('\n')
	}
	benchmark(b, "t.csv", s.String())
}

// Clicks have many short fields, hexadecimal categories and empty ones.
func BenchmarkCSVClicks(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var s strings.Builder
	s.WriteString("label")
	for c := range 39 {
		fmt.Fprintf(&s, ",c%d", c)
	}
	for range benchRows / 4 {
		fmt.Fprintf(&s, "\n%d", r.IntN(2))
		for c := range 39 {
			switch {
			case r.IntN(8) == 0:
				s.WriteByte(',')
			case c < 13:
				fmt.Fprintf(&s, ",%d", r.IntN(1000))
			default:
				fmt.Fprintf(&s, ",%08x", r.Uint32())
			}
		}
	}
	benchmark(b, "t.csv", s.String())
}

func BenchmarkCSVQuotedTexts(b *testing.B) {
	var s strings.Builder
	s.WriteString("id,text,other\n")
	for i := range benchRows {
		fmt.Fprintf(&s, "%d,\"a text, of some words and %d \"\"quotes\"\", as people write them\",\"naïve\"\n", i, i%7)
	}
	benchmark(b, "t.csv", s.String())
}

func BenchmarkJSON(b *testing.B) {
	var s strings.Builder
	for i := range benchRows {
		fmt.Fprintf(&s, "{\"id\":%d,\"price\":%d.25,\"name\":\"item %d\",\"flag\":%t,\"at\":{\"x\":%d,\"y\":0.5}}\n", i, i%100, i%977, i%2 == 0, i%13)
	}
	benchmark(b, "t.jsonl", s.String())
}

func BenchmarkLIBSVM(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var s strings.Builder
	for range benchRows {
		s.WriteString("+1")
		for i := 1; i < 120; i += 1 + r.IntN(16) {
			fmt.Fprintf(&s, " %d:%.3f", i, r.Float64())
		}
		s.WriteByte('\n')
	}
	benchmark(b, "t.libsvm", s.String())
}
