package sql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	// childArg is the hidden argument by which this program becomes a child.
	childArg = "__sql-engine"
	// childEnv marks a child's environment, so that a program which does not
	// call Main cannot start itself again and again.
	childEnv = "TOURNEY_SQL_ENGINE"
	// patience is how long the pipes of a killed child are waited for.
	patience = 10 * time.Second
	// tailBytes is how much of the end of a child's stderr is kept.
	tailBytes = 64 << 10
)

// runChild starts a child, hands it a job, has its answer read, and waits
// until it is gone. The error is the first of those that apply: why the
// context ended, the child's own *failure, how it died, what read said.
func runChild(ctx context.Context, dir string, j job, read func(io.Reader) error) error {
	request, err := json.Marshal(j)
	if err != nil {
		return err
	}
	child, kill := context.WithCancel(ctx)
	defer kill()
	cmd, err := command(child, dir)
	if err != nil {
		return err
	}
	stderr := &tail{}
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the SQL engine: %w", err)
	}
	// The child may be gone before it has read everything; why is told below.
	_, _ = stdin.Write(append(request, '\n'))
	readErr := readAnswer(stdout, read)
	if readErr != nil {
		kill() // its stdout has ended, and with it the child, or is of no use
	}
	waitErr := cmd.Wait()
	if readErr == nil && waitErr == nil {
		return nil
	}
	if cause := ended(ctx); cause != nil {
		return cause
	}
	if f := stderr.failure(); f != nil {
		return f
	}
	return died(readErr, waitErr, stderr)
}

// command is the program that runs now, as a child.
func command(ctx context.Context, dir string) (*exec.Cmd, error) {
	if os.Getenv(childEnv) != "" {
		return nil, errors.New("the SQL engine cannot start: this program does not call sql.Main first")
	}
	name, err := executable()
	if err != nil {
		return nil, fmt.Errorf("start the SQL engine: %w", err)
	}
	cmd := exec.CommandContext(ctx, name, childArg) //nolint:gosec // this very program
	cmd.Dir = dir
	cmd.WaitDelay = patience
	cmd.SysProcAttr = attributes()
	// None of the parent's variables: some are secrets.
	cmd.Env = []string{childEnv + "=1", "TZ=UTC", "HOME=" + dir, "TMPDIR=" + dir}
	return cmd, nil
}

// readAnswer reads a child's stdout to its end.
func readAnswer(r io.Reader, read func(io.Reader) error) error {
	line := make([]byte, len(greeting))
	if _, err := io.ReadFull(r, line); err != nil {
		return io.ErrUnexpectedEOF
	}
	if string(line) != greeting {
		return fmt.Errorf("this program does not call sql.Main first: it answers %q", line)
	}
	if err := read(r); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

// died says how a child ended that did not say so itself.
func died(readErr, waitErr error, stderr *tail) error {
	exit, ok := errors.AsType[*exec.ExitError](waitErr)
	if !ok {
		return fmt.Errorf("the SQL engine failed: %w", errors.Join(readErr, waitErr))
	}
	words := exit.String()
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		words += ", which is what a system does that has run out of memory"
	}
	if last := stderr.lastLine(); last != "" {
		words += ": " + last
	}
	return fmt.Errorf("the SQL engine died: %s", words)
}

// tail keeps the end of what is written to it.
type tail struct{ buf []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailBytes; over > 0 {
		t.buf = t.buf[:copy(t.buf, t.buf[over:])]
	}
	return len(p), nil
}

// failure returns the document that a child has left, nil if there is none.
func (t *tail) failure() *failure {
	f := new(failure)
	line := t.lastLine()
	if err := json.Unmarshal([]byte(line), f); strings.HasPrefix(line, "{") && err == nil && f.Kind != "" {
		return f
	}
	return nil
}

func (t *tail) lastLine() string {
	text := bytes.TrimRight(t.buf, "\n")
	return string(text[bytes.LastIndexByte(text, '\n')+1:])
}
