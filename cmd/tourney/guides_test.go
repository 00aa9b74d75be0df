package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tourney"
)

// guides are the pages whose commands run as they stand, in order, in one shell
// and a directory of their own. A block "yaml file=NAME" is that file; one that
// is marked "later" is not run.
var guides = []string{"tutorial", "from-wandb", "from-optuna", "from-ray", "from-katib", "from-spark", "cookbook"}

var guideBlock = regexp.MustCompile("(?sm)^```(\\w+)([^\n]*)\n(.*?)^```$")

func TestGuides(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range guides {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("../../docs/" + name + ".md")
			if err != nil {
				t.Fatal(err)
			}
			in := t.TempDir()
			script := "tourney() { TOURNEY_TEST_MAIN=1 '" + exe + "' \"$@\"; }\n"
			client, err := filepath.Abs("../../clients/python/src") // as if it had been installed
			if err != nil {
				t.Fatal(err)
			}
			env := append(os.Environ(), "TERM=dumb", "PYTHONPATH="+client)
			ran := 0
			for _, m := range guideBlock.FindAllStringSubmatch(string(text), -1) {
				info := strings.TrimSpace(m[2])
				file, isFile := strings.CutPrefix(info, "file=")
				switch {
				case info == "later":
				case isFile:
					write(t, filepath.Join(in, file), m[3])
					if m[1] == "yaml" && strings.Contains(m[3], "\ntrainer: ") {
						if _, err := tourney.ParseSpec([]byte(m[3]), file); err != nil {
							t.Error(err)
						}
					}
				case m[1] == "sh" && info == "":
					ran++
					commands, serves := strings.CutPrefix(m[3], "tourney up &\n")
					if serves {
						up := start(t, "up", "--workers", "2", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
						script += "export TOURNEY_SERVER=" + up.url() + "\n"
					}
					script += commands
				default:
					t.Errorf("a block of %s%s is neither run nor marked", m[1], m[2])
				}
			}
			if ran == 0 {
				t.Fatal("nothing was run")
			}
			cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
			cmd.Dir, cmd.Env = in, env
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
