package main

import (
	"strconv"
	"strings"
	"testing"
)

// A data directory belongs to one coordinator: a second is refused while the first
// lives, and says which process that is; when the first was killed, the next one
// has it at once.
func TestTwoCoordinators(t *testing.T) {
	args := []string{"coordinator", "--data-dir", dir(t), "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0"}
	first := start(t, args...)
	first.url()
	for range 2 {
		_, said, code := play(t, args...)
		if code != 1 || !strings.Contains(said, "process "+strconv.Itoa(first.Process.Pid)) {
			t.Fatalf("a second coordinator exits with %d and says %s", code, said)
		}
	}
	if _, said, code := play(t, "verify", args[2]); code != 1 || !strings.Contains(said, "in use") {
		t.Errorf("verify beside it exits with %d and says %s", code, said)
	}
	first.kill()
	second := start(t, args...)
	second.url()
	if _, said, code := play(t, args...); code != 1 || !strings.Contains(said, "process "+strconv.Itoa(second.Process.Pid)) {
		t.Errorf("beside the second one a third exits with %d and says %s", code, said)
	}
	if code := second.terminate(); code != 0 {
		t.Errorf("the second exits with %d", code)
	}
}
