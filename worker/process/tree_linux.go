package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// stat is a line of the table of processes.
type stat struct {
	pid, ppid int
	state     byte
	began     string // in ticks since the machine was
	rss       int64  // bytes
}

var pageSize = int64(os.Getpagesize())

// readStat reads /proc/PID/stat. The name of the program, which it chooses
// itself, stands in parentheses and may hold any.
func readStat(pid int) (s stat, ok bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return s, false
	}
	at := bytes.LastIndexByte(b, ')')
	if at < 0 {
		return s, false
	}
	f := strings.Fields(string(b[at+1:]))
	if len(f) < 22 {
		return s, false
	}
	ppid, err1 := strconv.Atoi(f[1])
	pages, err2 := strconv.ParseInt(f[21], 10, 64)
	return stat{pid, ppid, f[0][0], f[19], pages * pageSize}, err1 == nil && err2 == nil
}

func startOf(pid int) (string, bool) {
	s, ok := readStat(pid)
	return s.began, ok
}

// pids lists the processes that there are.
func pids() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	all := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// below returns the processes below one, without those that have ended and wait
// to be buried.
func below(root int) []stat {
	children := map[int][]stat{}
	for _, pid := range pids() {
		if s, ok := readStat(pid); ok {
			children[s.ppid] = append(children[s.ppid], s)
		}
	}
	var all []stat
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		for _, s := range children[queue[0]] {
			queue = append(queue, s.pid)
			if s.state != 'Z' {
				all = append(all, s)
			}
		}
	}
	return all
}

// killBelow kills all processes below one, as far as they can be seen: first
// they are stopped, until no new ones come, so that none can start another
// while it is looked for. It returns how many were killed.
func killBelow(root int) int {
	stopped := map[int]bool{}
	for range 64 {
		fresh := false
		for _, s := range below(root) {
			if !stopped[s.pid] {
				stopped[s.pid], fresh = true, true
				_ = syscall.Kill(s.pid, syscall.SIGSTOP) // it may just have ended
			}
		}
		if !fresh {
			break
		}
	}
	for pid := range stopped {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return len(stopped)
}

// killMarked kills the processes whose mark fits, as killBelow does.
func killMarked(fits func(mark string) bool) int {
	stopped := map[int]bool{}
	for range 64 {
		fresh := false
		for _, pid := range pids() {
			if pid == os.Getpid() || stopped[pid] {
				continue
			}
			if mark, ok := markOf(pid); ok && fits(mark) {
				stopped[pid], fresh = true, true
				_ = syscall.Kill(pid, syscall.SIGSTOP)
			}
		}
		if !fresh {
			break
		}
	}
	for pid := range stopped {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return len(stopped)
}

// markOf reads the mark of a process. It is what the process was started with.
func markOf(pid int) (string, bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return "", false
	}
	for _, v := range bytes.Split(b, []byte{0}) {
		if mark, ok := bytes.CutPrefix(v, []byte(Mark+"=")); ok {
			return string(mark), true
		}
	}
	return "", false
}

// resident returns how many bytes the processes have in memory. What several of
// them share counts once, but is looked at only where it could matter.
func resident(all []stat, limit int64) int64 {
	var sum int64
	for _, s := range all {
		sum += s.rss
	}
	if limit == 0 || sum <= limit || len(all) == 1 {
		return sum
	}
	var shares int64
	for _, s := range all {
		shares += proportional(s)
	}
	return shares
}

// proportional is a process's share of what it has in memory.
func proportional(s stat) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(s.pid) + "/smaps_rollup")
	if err != nil {
		return 0 // it has ended
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Pss:" {
			if kib, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				return kib << 10
			}
		}
	}
	return s.rss
}

// diskUse returns how many bytes the files below a directory take, at least
// limit if it is more than that.
func diskUse(dir string, limit int64) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // a file that has just gone takes nothing
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			blocks := info.Size()
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				blocks = st.Blocks * 512 // a file with holes takes less than its size
			}
			sum += blocks
		}
		if sum > limit {
			return filepath.SkipAll
		}
		return nil
	})
	return sum
}
