package kernels_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"tourney/trainers/kernels"
)

// eachClass runs a test with the kernels of each class of this processor.
func eachClass(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	for _, name := range kernels.Classes() {
		t.Run(name, func(t *testing.T) {
			restore, err := kernels.Use(name)
			if err != nil {
				t.Fatal(err)
			}
			defer restore()
			test(t)
		})
	}
}

// inEachClass calls f with the kernels of each class of this processor in force.
func inEachClass(t *testing.T, f func(class string)) {
	t.Helper()
	for _, name := range kernels.Classes() {
		restore, err := kernels.Use(name)
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer restore()
			f(name)
		}()
	}
}

func TestUsePutsAClassInForceAndBack(t *testing.T) {
	before := kernels.Class()
	for _, name := range kernels.Classes() {
		restore, err := kernels.Use(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := kernels.Class(); got != name {
			t.Errorf("Use(%s) puts %s in force", name, got)
		}
		restore()
		if got := kernels.Class(); got != before {
			t.Errorf("restore puts %s in force, not %s", got, before)
		}
	}
	if _, err := kernels.Use("mmx"); err == nil || !strings.Contains(err.Error(), "mmx") {
		t.Errorf("Use(mmx): %v", err)
	}
}

// The environment chooses among what there is; anything else is not heeded.
func TestEnvironmentRestrictsTheClass(t *testing.T) {
	if os.Getenv("KERNELS_TEST_CHILD") != "" {
		_, _ = os.Stdout.WriteString("class=" + kernels.Class() + "\n")
		return
	}
	if os.Getenv("KERNELS_EMULATED") != "" {
		t.Skip("an emulated process cannot start another")
	}
	all := kernels.Classes()
	if all[0] != "go" {
		t.Errorf("classes %v do not begin with plain Go", all)
	}
	for _, wanted := range append(slices.Clone(all), "", "mmx") {
		want := wanted
		if !slices.Contains(all, wanted) {
			want = all[len(all)-1]
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestEnvironmentRestrictsTheClass$")
		cmd.Env = append(os.Environ(), "KERNELS_TEST_CHILD=1", "TOURNEY_KERNELS="+wanted)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !strings.Contains(string(out), "class="+want+"\n") {
			t.Errorf("TOURNEY_KERNELS=%s: %s; want %s", wanted, out, want)
		}
	}
}
