package report

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Machine is where and when a benchmark ran.
type Machine struct {
	At       time.Time
	CPU      string
	Cores    int
	Memory   string
	Load     string   // 1, 5 and 15 minutes, before the run
	Commit   string   // of the repository, "+" after it if files were changed
	Versions []string // of what took part
}

// ThisMachine looks around. root is the repository.
func ThisMachine(root string, versions ...string) Machine {
	m := Machine{
		At: time.Now().UTC(), CPU: after("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(),
		Memory: after("/proc/meminfo", "MemTotal"), Load: "unknown", Commit: "unknown",
		Versions: append([]string{runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH}, versions...),
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(text))[:3], " ")
	}
	if out, err := git(root, "rev-parse", "--short", "HEAD"); err == nil {
		m.Commit = out
		if out, err := git(root, "status", "--porcelain"); err == nil && out != "" {
			m.Commit += "+"
		}
	}
	return m
}

// String is a line or two for people.
func (m Machine) String() string {
	return fmt.Sprintf("%s, commit %s\n%s, %d cores, %s; load average before: %s\n%s",
		m.At.Format("2006-01-02 15:04 UTC"), m.Commit, m.CPU, m.Cores, m.Memory, m.Load, strings.Join(m.Versions, ", "))
}

func git(root string, args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-C", root}, args...)...) //nolint:gosec,noctx // a read of this repository
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// after returns what follows "key:" in a file of /proc.
func after(file, key string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown " + key
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == key {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return "unknown " + key
}
