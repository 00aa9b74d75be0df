package sql

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
)

// Where things lie in a child's working directory, beside "in".
const (
	resultFile = "result.db"
	spillDir   = "spill"
)

// resultTable holds what a query has yielded.
const resultTable = "tourney_result"

// Main turns this process into the SQL engine if Open has started it as such,
// and does not return then. A program that uses Open calls it before all else.
func Main() {
	if len(os.Args) == 2 && os.Args[1] == childArg && os.Getenv(childEnv) != "" {
		os.Exit(child(os.Stdin, os.Stdout, os.Stderr))
	}
}

// child does one job and returns the exit code.
func child(stdin io.Reader, stdout, stderr io.Writer) int {
	harden()
	debug.SetMemoryLimit(64 << 20) // Go's part; the engine's is its own
	signal.Ignore(os.Interrupt)    // a terminal sends it to both; the parent decides
	in := json.NewDecoder(stdin)
	var j job
	if err := in.Decode(&j); err != nil {
		return report(stderr, fail(failEngine, "read job: %v", err))
	}
	go func() {
		// The parent keeps it open and silent as long as it lives.
		_, _ = io.Copy(io.Discard, io.MultiReader(in.Buffered(), stdin))
		os.Exit(1)
	}()
	out := bufio.NewWriterSize(stdout, 64<<10)
	if _, err := out.WriteString(greeting); err != nil {
		return report(stderr, err)
	}
	do := answer
	if j.Scan != nil {
		do = scan
	}
	if err := do(&j, out); err != nil {
		// What has been written so far stays in the buffer or is cut short:
		// either way the parent sees that the answer is not whole.
		return report(stderr, err)
	}
	if err := out.Flush(); err != nil {
		return report(stderr, fmt.Errorf("write answer: %w", err))
	}
	return 0
}

// report leaves word of a failure.
func report(stderr io.Writer, err error) int {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		f = fail(failEngine, "%v", err)
	}
	line, err := json.Marshal(f)
	if err == nil {
		_, _ = fmt.Fprintf(stderr, "\n%s\n", line) // without it the exit code is all there is to say
	}
	return 1
}
