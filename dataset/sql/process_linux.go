package sql

import (
	"os"
	"syscall"
)

// executable is this program, even if its file has been replaced since.
func executable() (string, error) { return "/proc/self/exe", nil }

// attributes has the kernel kill a child whose parent dies, whatever the child
// is doing at that moment.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// harden makes this process the one that the kernel ends first when memory is
// short, and keeps a dump of it, with the data in it, off the disk. Both are
// precautions: where they are not allowed the child does its work as well.
func harden() {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
}
