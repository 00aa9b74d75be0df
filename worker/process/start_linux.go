package process

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// self is this binary, whatever has become of its file.
const self = "/proc/self/exe"

// Process is a program that runs, with its supervisor. Its methods may be
// called from many goroutines.
type Process struct {
	cmd  *exec.Cmd
	mark string
	done chan struct{}
	exit Exit

	mu      sync.Mutex
	control io.WriteCloser
}

// order is what a supervisor is told first.
type order struct {
	Argv   []string `json:"argv"`
	Dir    string   `json:"dir"`
	Env    []string `json:"env"`
	Limits Limits   `json:"limits"`
}

// Start starts a program. Its standard input is empty. Whether it could be
// started at all the exit says: code 126 or 127, and a line on Stderr.
func Start(s Spec) (*Process, error) {
	owner, err := ownMark()
	if err != nil {
		return nil, err
	}
	p := &Process{mark: rand.Text() + ":" + owner, done: make(chan struct{})}
	status, report, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start supervisor: %w", err)
	}
	defer report.Close()
	p.cmd = exec.Command(self) //nolint:noctx // it is this program, and ends by its own rules
	p.cmd.Args = []string{"tourney", superviseArg}
	p.cmd.Env = []string{stageEnv + "=1", "GOMAXPROCS=2"}
	p.cmd.Stdout, p.cmd.Stderr = s.Stdout, s.Stderr
	p.cmd.ExtraFiles = []*os.File{report}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a terminal's Ctrl-C is for us alone
	if p.control, err = p.cmd.StdinPipe(); err != nil {
		return nil, errors.Join(fmt.Errorf("start supervisor: %w", err), status.Close())
	}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start supervisor: %w", err), status.Close())
	}
	line, err := json.Marshal(order{s.Argv, s.Dir, append(s.Env, Mark+"="+p.mark), s.Limits})
	if err == nil {
		_, err = p.control.Write(append(line, '\n'))
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("instruct supervisor: %w", err), p.cmd.Process.Kill(), status.Close())
		_ = p.cmd.Wait() // killed
		return nil, err
	}
	go p.wait(status)
	return p, nil
}

// wait takes the supervisor's report. One that gives none was killed: then what
// it was to kill is found by the mark.
func (p *Process) wait(status *os.File) {
	defer close(p.done)
	defer status.Close()
	err := json.NewDecoder(status).Decode(&p.exit)
	_ = p.cmd.Wait() // its report says more
	p.mu.Lock()
	_ = p.control.Close() // the supervisor is gone
	p.mu.Unlock()
	if err != nil {
		left := killMarked(func(mark string) bool { return mark == p.mark })
		p.exit = Exit{Code: -1, Cause: CauseBroken, Left: left}
	}
}

// Stop sends the program SIGTERM, and after the grace SIGKILL to all that is
// left of it. With no grace that is at once.
func (p *Process) Stop(grace time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.control, "stop %d\n", grace.Milliseconds()) //nolint:errcheck // if it is gone it has stopped
}

// Done is closed once the program has ended and nothing of it is left.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit returns how it ended, once Done is closed.
func (p *Process) Exit() Exit { return p.exit }

// ownMark names this process as no other can be: by its namespace of process
// numbers, its number, and when it began.
func ownMark() (string, error) {
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "", fmt.Errorf("find out which process this is: %w", err)
	}
	began, ok := startOf(os.Getpid())
	if !ok {
		return "", errors.New("find out which process this is: /proc/self/stat cannot be read")
	}
	return fmt.Sprintf("%s:%d:%s", strings.Trim(space, "pid:[]"), os.Getpid(), began), nil
}

// Strays kills what programs have left behind whose supervisor and worker are
// gone, and returns how many processes that were.
func Strays() int {
	own, err := ownMark()
	if err != nil {
		return 0
	}
	space, _, _ := strings.Cut(own, ":")
	return killMarked(func(mark string) bool {
		parts := strings.Split(mark, ":")
		if len(parts) != 4 || parts[1] != space {
			return false
		}
		var pid int
		if _, err := fmt.Sscan(parts[2], &pid); err != nil {
			return false
		}
		began, there := startOf(pid)
		return !there || began != parts[3]
	})
}
