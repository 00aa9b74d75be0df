// Package peer hides how a benchmark talks to another process: a line of JSON
// there, a line of JSON back, and in an error what the process last said on its
// standard error.
package peer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// Peer is a process that answers requests, one at a time. It belongs to one
// goroutine.
type Peer struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errors *tail
}

// Start starts a process. env is added to this process's own environment.
func Start(ctx context.Context, env []string, program string, args ...string) (*Peer, error) {
	p := &Peer{cmd: exec.CommandContext(ctx, program, args...), errors: &tail{}} //nolint:gosec // a program of this repository
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = p.errors
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return p, nil
}

// Call sends a request and reads the answer into out. An answer with a key
// "error" is an error.
func (p *Peer) Call(request, out any) error {
	data, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("ask peer: %w", err)
	}
	if _, err := p.in.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("ask peer: %w%s", err, p.errors)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read peer's answer: %w%s", err, p.errors)
	}
	var failed struct{ Error string }
	if err := json.Unmarshal(line, &failed); err != nil {
		return fmt.Errorf("read peer's answer %q: %w", bytes.TrimSpace(line), err)
	}
	if failed.Error != "" {
		return errors.New("peer: " + failed.Error)
	}
	if err := json.Unmarshal(line, out); err != nil {
		return fmt.Errorf("read peer's answer: %w", err)
	}
	return nil
}

// Close ends the process.
func (p *Peer) Close() error {
	if err := p.in.Close(); err != nil {
		return fmt.Errorf("close peer: %w", err)
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("close peer: %w%s", err, p.errors)
	}
	return nil
}

// Serve answers requests on in with what handle returns, until in ends. It is
// the other side of a Peer that is written in Go.
func Serve(in io.Reader, out io.Writer, handle func(request json.RawMessage) (any, error)) error {
	lines := json.NewDecoder(in)
	answers := json.NewEncoder(out)
	for {
		var request json.RawMessage
		if err := lines.Decode(&request); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("serve: %w", err)
		}
		answer, err := handle(request)
		if err != nil {
			answer = map[string]string{"error": err.Error()}
		}
		if err := answers.Encode(answer); err != nil {
			return fmt.Errorf("serve: %w", err)
		}
	}
}

// tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	const most = 2000
	if len(t.kept) > most {
		t.kept = t.kept[len(t.kept)-most:]
	}
	return len(p), nil
}

// String is what was kept, to be put behind an error.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.kept) == 0 {
		return ""
	}
	return "; it said: " + strings.TrimSpace(string(t.kept))
}
