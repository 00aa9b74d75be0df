package process

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How this binary knows what it is to be.
const (
	superviseArg = "supervise"
	becomeArg    = "become"
	stageEnv     = "TOURNEY_STAGE"
)

// Main turns this process into a supervisor, or into a program, if Start has
// started it as such, and does not return then. A program that uses Start calls
// it before all else.
func Main() {
	if len(os.Args) != 2 || os.Getenv(stageEnv) == "" {
		return
	}
	switch os.Args[1] {
	case superviseArg:
		os.Exit(supervise())
	case becomeArg:
		os.Exit(become())
	}
}

// How often a supervisor looks at what runs below it.
const (
	lookEvery = 250 * time.Millisecond
	diskEvery = 2 * time.Second
	killEvery = 20 * time.Millisecond
)

// supervisor runs one program. It belongs to the main thread, whose death would
// be the program's.
type supervisor struct {
	order
	main    int // process number of the program
	exit    Exit
	killing bool
	grace   <-chan time.Time
}

func supervise() int {
	runtime.LockOSThread() // the program dies with the thread that started it
	// Signals of a terminal or a container's end are the worker's to act on. They
	// are caught, not ignored: the program would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	in := bufio.NewReader(os.Stdin)
	s := &supervisor{}
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s.order)
	}
	if err != nil {
		return 1 // who started it is gone
	}
	status := os.NewFile(3, "status")
	unix.CloseOnExec(3)
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return refuse(status, fmt.Errorf("become subreaper: %w", err))
	}
	if s.main, err = s.start(); err != nil {
		return refuse(status, err)
	}
	// The pipes of the output close when nothing of the program holds them.
	_ = os.Stdout.Close() // what it was for is the program's
	_ = os.Stderr.Close() // likewise
	s.run(in)
	if err := json.NewEncoder(status).Encode(s.exit); err != nil {
		return 1
	}
	return 0
}

// refuse tells why the program could not be started.
func refuse(status io.Writer, err error) int {
	fmt.Fprintf(os.Stderr, "tourney: %v\n", err)
	_ = json.NewEncoder(status).Encode(Exit{Code: 126}) // likewise
	return 1
}

// start starts this binary once more, to become the program.
func (s *supervisor) start() (int, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	defer w.Close()
	pid, err := syscall.ForkExec( //nolint:gosec // it is this program
		self, []string{"tourney", becomeArg}, &syscall.ProcAttr{
			Env:   []string{stageEnv + "=1", "GOMAXPROCS=1"},
			Files: []uintptr{r.Fd(), 1, 2},
			Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
		})
	if err != nil {
		return 0, fmt.Errorf("start program: %w", err)
	}
	err = json.NewEncoder(w).Encode(s.order)
	if err != nil {
		return pid, fmt.Errorf("instruct program: %w", err)
	}
	return pid, nil
}

// run waits until nothing of the program is left.
func (s *supervisor) run(in *bufio.Reader) {
	ended, gone := make(chan syscall.WaitStatus, 1), make(chan float64, 1)
	go s.bury(ended, gone)
	orders := make(chan string)
	go listen(in, orders)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	kill := time.NewTicker(killEvery)
	defer kill.Stop()
	var wall <-chan time.Time
	if s.Limits.Wall > 0 {
		wall = time.After(s.Limits.Wall)
	}
	looked := time.Now()
	alive := true
	for {
		select {
		case ws := <-ended:
			alive = false
			s.note(ws)
		case s.exit.CPU = <-gone:
			select {
			case ws := <-ended:
				s.note(ws)
			default:
			}
			return
		case line, open := <-orders:
			if !open {
				orders = nil
				s.end(CauseOrphan, 0)
				continue
			}
			if ms, err := strconv.Atoi(strings.TrimPrefix(line, "stop ")); err == nil {
				s.end(CauseStopped, time.Duration(ms)*time.Millisecond)
			}
		case <-wall:
			s.end(CauseTimeout, s.Limits.Grace)
		case <-s.grace:
			s.killing = true
		case <-look.C:
			disk := time.Since(looked) >= diskEvery
			if disk {
				looked = time.Now()
			}
			s.look(disk)
		case <-kill.C:
			if s.killing {
				n := killBelow(os.Getpid())
				if !alive {
					s.exit.Left += n
				}
			}
		}
	}
}

// note takes the program's own end. What it has left behind goes after it.
func (s *supervisor) note(ws syscall.WaitStatus) {
	s.exit.Code = ws.ExitStatus()
	if ws.Signaled() {
		s.exit.Signal = ws.Signal().String()
	}
	s.killing = true
}

// end stops the program: at once without a grace.
func (s *supervisor) end(why Cause, grace time.Duration) {
	if s.exit.Cause == CauseNone {
		s.exit.Cause = why
	}
	if grace <= 0 {
		s.killing = true
		return
	}
	if s.grace == nil {
		_ = syscall.Kill(-s.main, syscall.SIGTERM) // it may just have ended
		s.grace = time.After(grace)
	}
}

// look sees whether the limits hold.
func (s *supervisor) look(disk bool) {
	if s.killing {
		return
	}
	all := below(os.Getpid())
	memory := resident(all, s.Limits.Memory)
	s.exit.Memory = max(s.exit.Memory, memory)
	switch {
	case s.Limits.Memory > 0 && memory > s.Limits.Memory:
		s.end(CauseMemory, 0)
	case s.Limits.Procs > 0 && len(all) > s.Limits.Procs:
		s.end(CauseProcs, 0)
	case disk && s.Limits.Disk > 0 && diskUse(s.Limits.DiskDir, s.Limits.Disk) > s.Limits.Disk:
		s.end(CauseDisk, 0)
	}
}

// bury takes leave of every process that ends below this one, and says when the
// last one has.
func (s *supervisor) bury(ended chan<- syscall.WaitStatus, gone chan<- float64) {
	var cpu float64
	for {
		var ws syscall.WaitStatus
		var use syscall.Rusage
		pid, err := syscall.Wait4(-1, &ws, 0, &use)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil { // ECHILD: there is none
			gone <- cpu
			return
		}
		cpu += time.Duration(use.Utime.Nano() + use.Stime.Nano()).Seconds()
		if pid == s.main {
			ended <- ws
		}
	}
}

// listen passes on what the worker says, until it is gone.
func listen(in *bufio.Reader, orders chan<- string) {
	defer close(orders)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		orders <- strings.TrimSpace(line)
	}
}

// become turns this process into the program that its standard input names.
func become() int {
	runtime.LockOSThread() // what follows holds for a thread, and the program goes on as this one
	fail := func(code int, what string, err error) int {
		fmt.Fprintf(os.Stderr, "tourney: %s: %v\n", what, err)
		return code
	}
	var o order
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil || len(o.Argv) == 0 {
		return fail(126, "read what to run", err)
	}
	if err := emptyInput(); err != nil {
		return fail(126, "close standard input", err)
	}
	if err := os.Chdir(o.Dir); err != nil {
		return fail(126, "go to the working directory", err)
	}
	path, err := lookUp(o.Argv[0], o.Env)
	if err != nil {
		return fail(127, "cannot run "+o.Argv[0], err)
	}
	// The first to go when memory is short, rather than the worker.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0) // where the system lets it
	if err := o.Limits.impose(); err != nil {
		return fail(126, "limit the program", err)
	}
	err = syscall.Exec(path, o.Argv, o.Env) //nolint:gosec // what the worker's allow list lets it run
	return fail(126, "cannot run "+o.Argv[0], err)
}

func emptyInput() error {
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return unix.Dup3(null, 0, 0)
}

// lookUp finds a program as a shell does: by the PATH of its environment, or
// in the working directory if there is a slash in its name.
func lookUp(name string, env []string) (string, error) {
	if strings.ContainsRune(name, '/') {
		return name, runnable(name)
	}
	for _, v := range env {
		dirs, ok := strings.CutPrefix(v, "PATH=")
		for _, dir := range strings.Split(dirs, ":") {
			if path := dir + "/" + name; ok && strings.HasPrefix(dir, "/") && runnable(path) == nil {
				return path, nil
			}
		}
	}
	return "", errors.New("there is no such program in PATH")
}

func runnable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("it is a directory")
	}
	return unix.Access(path, unix.X_OK)
}

// impose sets the limits that the kernel keeps, and gives up every way to gain
// rights. Little memory may be asked for from then on.
func (l *Limits) impose() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	for _, r := range []struct {
		what  int
		value int64
	}{
		{unix.RLIMIT_CPU, int64((l.CPU + time.Second - 1) / time.Second)},
		{unix.RLIMIT_NOFILE, l.Files},
		{unix.RLIMIT_FSIZE, l.FileSize},
		{unix.RLIMIT_DATA, l.Memory},
	} {
		if r.value <= 0 {
			continue
		}
		if err := lower(r.what, uint64(r.value)); err != nil {
			return err
		}
	}
	return lower(unix.RLIMIT_CORE, 0)
}

// lower sets a limit, but never above the one that there is.
func lower(what int, value uint64) error {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(what, &now); err != nil {
		return err
	}
	value = min(value, now.Max)
	return syscall.Setrlimit(what, &syscall.Rlimit{Cur: value, Max: value})
}
