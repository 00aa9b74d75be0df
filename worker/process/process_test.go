package process_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tourney/worker/process"
)

func TestMain(m *testing.M) {
	process.Main()
	if os.Getenv("TEST_WORKER") != "" {
		work()
	}
	os.Exit(m.Run())
}

// work starts the program of its environment and waits to be killed.
func work() {
	p, err := process.Start(process.Spec{Argv: []string{"/bin/sh", "-c", os.Getenv("TEST_WORKER")}, Dir: "/", Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		panic(err)
	}
	<-p.Done()
	os.Exit(0)
}

// ran is a program with what it prints.
type ran struct {
	*process.Process
	out, err *bytes.Buffer
	read     chan struct{}
}

func run(t *testing.T, limits process.Limits, argv ...string) *ran {
	t.Helper()
	r := &ran{out: &bytes.Buffer{}, err: &bytes.Buffer{}, read: make(chan struct{}, 2)}
	open := func(into *bytes.Buffer) *os.File {
		from, to, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			io.Copy(into, from)
			from.Close()
			r.read <- struct{}{}
		}()
		return to
	}
	out, errs := open(r.out), open(r.err)
	var err error
	r.Process, err = process.Start(process.Spec{
		Argv: argv, Dir: t.TempDir(), Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin", "COLOUR=blue"},
		Stdout: out, Stderr: errs, Limits: limits,
	})
	if err != nil {
		t.Fatal(err)
	}
	out.Close()
	errs.Close()
	return r
}

// end waits until nothing is left of the program, and of its output.
func (r *ran) end(t *testing.T) process.Exit {
	t.Helper()
	select {
	case <-r.Done():
	case <-time.After(60 * time.Second):
		t.Fatal("the program did not end in a minute")
	}
	<-r.read
	<-r.read
	return r.Exit()
}

func sh(script string) []string { return []string{"/bin/sh", "-c", script} }

func TestOutputAndExit(t *testing.T) {
	t.Parallel()
	r := run(t, process.Limits{}, sh(`echo "$COLOUR"; echo bad >&2; cat; env | sort | cut -d= -f1 | tr '\n' ' '; exit 3`)...)
	exit := r.end(t)
	if exit.Code != 3 || exit.Cause != "" || exit.Signal != "" || exit.Left != 0 {
		t.Errorf("exit %+v, want code 3", exit)
	}
	if want := "blue\nCOLOUR PATH PWD TOURNEY_MARK "; r.out.String() != want && strings.ReplaceAll(r.out.String(), "OLDPWD ", "") != want {
		t.Errorf("printed %q, want %q: its input is empty, its environment what it was given", r.out.String(), want)
	}
	if r.err.String() != "bad\n" {
		t.Errorf("stderr %q", r.err.String())
	}
}

func TestNoSuchProgram(t *testing.T) {
	t.Parallel()
	r := run(t, process.Limits{}, "no-such-program")
	if exit := r.end(t); exit.Code != 127 || !strings.Contains(r.err.String(), "cannot run no-such-program: there is no such program in PATH") {
		t.Errorf("exit %+v, stderr %q", exit, r.err.String())
	}
}

// pidIn waits for a file with a process number.
func pidIn(t *testing.T, file string) int {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if b, err := os.ReadFile(file); err == nil && bytes.HasSuffix(b, []byte("\n")) {
			pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("%s did not appear", file)
	return 0
}

// gone waits until there is no such process.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(b), ") Z ") {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
	syscall.Kill(pid, syscall.SIGKILL)
}

// runaway starts a child that leaves the group, the session and its parent, and
// will not hear of SIGTERM.
func runaway(file string) string {
	return `setsid sh -c 'trap "" TERM; (trap "" TERM; echo $(exec sh -c "echo \$PPID") > ` + file + `.part; mv ` + file + `.part ` + file + `; while :; do sleep 1; done) & exit' `
}

// A program that ends leaves nothing behind, whatever it has done to stay.
func TestWhatIsLeftIsKilled(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	r := run(t, process.Limits{}, sh(runaway(file)+"; while [ ! -e "+file+" ]; do sleep 0.01; done; exit 0")...)
	pid := pidIn(t, file)
	exit := r.end(t)
	if exit.Code != 0 || exit.Left < 1 {
		t.Errorf("exit %+v, want code 0 and one or two processes left behind", exit)
	}
	gone(t, pid)
}

// Stop is SIGTERM first; a program may then save what it has.
func TestStopIsHeard(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	r := run(t, process.Limits{}, sh(`trap 'echo saved; exit 0' TERM; echo $$ > `+file+`; while :; do sleep 0.05; done`)...)
	pidIn(t, file)
	r.Stop(30 * time.Second)
	exit := r.end(t)
	if exit.Code != 0 || exit.Cause != process.CauseStopped || r.out.String() != "saved\n" {
		t.Errorf("exit %+v, printed %q", exit, r.out.String())
	}
}

// A program that does not hear of SIGTERM is killed after the grace, with what
// has left its group.
func TestStopThatIsNotHeard(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := run(t, process.Limits{}, sh(`trap "" TERM; `+runaway(dir+"/far")+`; echo $$ > `+dir+`/near; while :; do sleep 1; done`)...)
	near, far := pidIn(t, dir+"/near"), pidIn(t, dir+"/far")
	r.Stop(50 * time.Millisecond)
	if exit := r.end(t); exit.Signal != "killed" || exit.Code != -1 || exit.Cause != process.CauseStopped {
		t.Errorf("exit %+v", exit)
	}
	gone(t, near)
	gone(t, far)
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	r := run(t, process.Limits{Wall: 100 * time.Millisecond, Grace: 50 * time.Millisecond}, sh(`trap "" TERM; while :; do sleep 1; done`)...)
	if exit := r.end(t); exit.Cause != process.CauseTimeout || exit.Signal != "killed" {
		t.Errorf("exit %+v", exit)
	}
}

// A process that asks for too much is told so by the kernel; several that have
// too much together are killed.
func TestMemory(t *testing.T) {
	t.Parallel()
	limits := process.Limits{Memory: 300 << 20}
	r := run(t, limits, "python3", "-c", "x = bytearray(500 << 20)")
	if exit := r.end(t); exit.Code != 1 || !strings.Contains(r.err.String(), "MemoryError") {
		t.Errorf("one process: exit %+v, stderr %q", exit, r.err.String())
	}
	each := "import time\nx = bytearray(150 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\ntime.sleep(60)"
	r = run(t, limits, sh(`python3 -c "$0" & python3 -c "$0" & python3 -c "$0" & wait`)[0], "-c", `python3 -c "$0" & python3 -c "$0" & python3 -c "$0" & wait`, each)
	if exit := r.end(t); exit.Cause != process.CauseMemory || exit.Memory < 300<<20 {
		t.Errorf("three processes: exit %+v", exit)
	}
}

func TestOtherLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits process.Limits
		script string
		want   process.Cause
		code   int
		err    string
	}{
		"file size": {process.Limits{FileSize: 1 << 20}, `trap "" XFSZ; head -c 2000000 /dev/zero > big`, "", 1, "File too large"},
		"files":     {process.Limits{Files: 16}, `python3 -c 'x = [open("/dev/null") for _ in range(32)]'`, "", 1, "Too many open files"},
		"cpu":       {process.Limits{CPU: time.Second}, `while :; do :; done`, "", -1, ""},
		"processes": {process.Limits{Procs: 20}, `for i in $(seq 100); do sleep 60 & done; wait`, process.CauseProcs, -1, ""},
		"core":      {process.Limits{}, `[ "$(ulimit -c)" = 0 ] || exit 9`, "", 0, ""},
		"rights":    {process.Limits{}, `grep -q 'NoNewPrivs:.1' /proc/self/status || exit 9`, "", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, c.limits, sh(c.script)...)
			exit := r.end(t)
			if exit.Code != c.code || exit.Cause != c.want || !strings.Contains(r.err.String(), c.err) {
				t.Errorf("exit %+v, stderr %q", exit, r.err.String())
			}
		})
	}
}

func TestDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := run(t, process.Limits{Disk: 4 << 20, DiskDir: dir}, sh(`cd `+dir+`; i=0; while :; do head -c 1000000 /dev/urandom > f$i; i=$((i+1)); [ $i -gt 8 ] && sleep 60; done`)...)
	if exit := r.end(t); exit.Cause != process.CauseDisk {
		t.Errorf("exit %+v", exit)
	}
}

// A worker that is killed without notice leaves nothing running.
func TestKilledWorker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "TEST_WORKER="+`trap "" TERM; `+runaway(dir+"/far")+`; echo $$ > `+dir+`/near; while :; do sleep 1; done`)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	near, far := pidIn(t, dir+"/near"), pidIn(t, dir+"/far")
	cmd.Process.Kill()
	cmd.Wait()
	gone(t, near)
	gone(t, far)
}

// A program that kills its supervisor goes with it, and its worker finds what
// it has put out of reach.
func TestKilledSupervisor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := run(t, process.Limits{}, sh(runaway(dir+"/far")+`; while [ ! -e `+dir+`/far ]; do sleep 0.01; done; kill -9 $PPID; sleep 60`)...)
	far := pidIn(t, dir+"/far")
	if exit := r.end(t); exit.Cause != process.CauseBroken {
		t.Errorf("exit %+v", exit)
	}
	gone(t, far)
}

// Worker and supervisor killed at once: the next worker on the machine finds
// what is left.
func TestStrays(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "TEST_WORKER="+runaway(dir+"/far")+`; while [ ! -e `+dir+`/far ]; do sleep 0.01; done; kill -9 $(ps -o ppid= -p $PPID) $PPID; sleep 60`)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	far := pidIn(t, dir+"/far")
	cmd.Wait()
	if b, err := os.ReadFile("/proc/" + strconv.Itoa(far) + "/environ"); err != nil || len(b) == 0 { // one of the two was faster
		t.Skip("nothing was left to be found")
	}
	if n := process.Strays(); n < 1 {
		t.Errorf("%d strays were found, want at least 1", n)
	}
	gone(t, far)
}
