package search_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney"
	"tourney/search"
)

// TestConversations plays each script in testdata. A script begins with a sweep
// file; a line "---" ends it. Then follow commands, and after "=>", what the
// search says: one decision a line, "-" for none. Commands are
//
//	engine                    an engine takes the sweep up
//	done T@R VALUE [best B]   trial T reached rung R; VALUE may be none
//	diverged T@R | failed T@R [REASON ERROR…]
//	lost T                    an attempt was lost
//	pause | resume | cancel   a user acts
//	limited LIMIT             a limit was reached outside
//	again                     nothing is applied, only decided
//	due                       whose report is next
//
// Jobs are written "train T@R to BUDGET, START-FINISH" in virtual time. The
// scripts are written by hand from the rules of the package and the paper; they
// are never written from what the search said.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			play(t, string(data))
		})
	}
}

func play(t *testing.T, script string) {
	head, body, ok := strings.Cut(script, "\n---\n")
	if !ok {
		t.Fatal("the script has no line ---")
	}
	s, err := search.New(parse(t, head), tourney.Plan{Budget: 10})
	if err != nil {
		t.Fatal(err)
	}
	lineNo := strings.Count(head, "\n") + 2
	at, command := 0, ""
	var want, got []string
	check := func() {
		if command != "" && strings.Join(want, "\n") != strings.Join(got, "\n") {
			t.Fatalf("line %d: %s\ngot:\n  %s\nwant:\n  %s", at, command, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
	for line := range strings.Lines(body) {
		lineNo++
		line, _, _ = strings.Cut(line, "#")
		left, right, says := strings.Cut(line, "=>")
		if left = strings.TrimSpace(left); left != "" {
			check()
			at, command, want, got = lineNo, left, nil, say(t, s, left)
		}
		if says {
			want = append(want, strings.TrimSpace(right))
		}
	}
	check()
}

// say plays one command and returns what the search says to it.
func say(t *testing.T, s *search.Search, command string) []string {
	if command == "due" {
		trial, rung, ok := s.Due()
		if !ok {
			return []string{"any"}
		}
		return []string{fmt.Sprintf("%d@%d", trial, rung)}
	}
	if command != "again" {
		if err := s.Apply(input(t, command)); errors.Is(err, tourney.ErrConflict) {
			return []string{"conflict: " + strings.TrimSuffix(err.Error(), ": conflict")}
		} else if err != nil {
			return []string{"refused"}
		}
	}
	var out []string
	for _, d := range s.Decide() {
		out = append(out, describe(d))
	}
	if out == nil {
		return []string{"-"}
	}
	return out
}

func input(t *testing.T, command string) tourney.EventBody {
	t.Helper()
	word, rest, _ := strings.Cut(command, " ")
	var e tourney.Reported
	switch word {
	case "engine":
		return tourney.Engine{Version: "1"}
	case "pause", "resume", "cancel":
		return tourney.Acted{Action: tourney.Action(word)}
	case "limited":
		return tourney.Limited{Limit: rest}
	case "lost":
		return tourney.Lost{Trial: 0, Outcome: tourney.OutcomeLost}
	case "done", "diverged", "failed":
		e.Outcome = tourney.Outcome(word)
	default:
		t.Fatalf("no such command: %q", command)
	}
	fields := strings.Fields(rest)
	if _, err := fmt.Sscanf(fields[0], "%d@%d", &e.Trial, &e.Rung); err != nil {
		t.Fatalf("%q: %v", command, err)
	}
	fields = fields[1:]
	if word == "failed" && len(fields) > 0 {
		e.Reason, e.Error = tourney.Reason(fields[0]), strings.Join(fields[1:], " ")
	}
	if word != "done" {
		return e
	}
	if fields[0] != "none" {
		e.Value = new(float64)
		if _, err := fmt.Sscan(fields[0], e.Value); err != nil {
			t.Fatalf("%q: %v", command, err)
		}
	}
	if len(fields) > 2 && fields[1] == "best" {
		if _, err := fmt.Sscan(fields[2], &e.BestStep); err != nil {
			t.Fatalf("%q: %v", command, err)
		}
	}
	return e
}

func describe(d tourney.EventBody) string {
	switch d := d.(type) {
	case tourney.Proposed:
		if d.Parent != nil {
			return fmt.Sprintf("propose %d from %d after %d", d.Trial, d.Parent.Trial, d.Parent.Step) // with parameters around the parent's
		}
		return fmt.Sprintf("propose %d %s", d.Trial, d.Params.Key())
	case tourney.Queued:
		verb := map[tourney.JobKind]string{tourney.JobRung: "train", tourney.JobFinal: "refit"}[d.For]
		return fmt.Sprintf("%s %d@%d to %d, %d-%d", verb, d.Trial, d.Rung, d.Budget, d.Start, d.Finish)
	case tourney.Halted:
		return "halt " + d.Limit
	case tourney.Ended:
		return fmt.Sprintf("end %d %s", d.Trial, d.State)
	case tourney.Turned:
		if d.Reason != "" {
			return fmt.Sprintf("turn %s: %s", d.State, d.Reason)
		}
		return fmt.Sprintf("turn %s", d.State)
	}
	return fmt.Sprintf("unknown %T", d)
}
