package kernels_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The kernels of arm64 are held against their definitions on other processors,
// too, if an emulator is installed.
func TestNEONUnderEmulation(t *testing.T) {
	if os.Getenv("KERNELS_EMULATED") != "" {
		t.Skip("this is the emulated process")
	}
	if testing.Short() {
		t.Skip("emulation is slow")
	}
	emulator, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		t.Skip("qemu-aarch64-static is not installed")
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not on the path")
	}
	binary := filepath.Join(t.TempDir(), "kernels.test")
	build := exec.Command(goTool, "test", "-c", "-o", binary, ".")
	build.Env = append(os.Environ(), "GOARCH=arm64", "GOOS=linux", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build for arm64: %v\n%s", err, out)
	}
	run := exec.Command(emulator, binary, "-test.short", "-test.timeout=5m")
	run.Env = append(os.Environ(), "KERNELS_EMULATED=1")
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("on arm64: %v\n%s", err, out)
	}
}
