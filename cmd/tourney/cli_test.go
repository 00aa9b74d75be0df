package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"tourney"
	"tourney/cmd/internal/cli"
)

// playIn is play with something on standard input, in a directory.
func playIn(t *testing.T, in, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := command(t, args...)
	cmd.Dir, cmd.Stdin = in, strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// step is a command of a script with what must come of it.
type step struct {
	args   string // split at blanks
	stdin  string
	code   int
	stdout string // a part; "-": nothing at all
	stderr string // a part
}

func script(t *testing.T, in string, steps ...step) {
	t.Helper()
	for _, s := range steps {
		stdout, stderr, code := playIn(t, in, s.stdin, strings.Fields(s.args)...)
		if code != s.code || !strings.Contains(stderr, s.stderr) || s.stdout != "-" && !strings.Contains(stdout, s.stdout) || s.stdout == "-" && stdout != "" {
			t.Errorf("tourney %s: exit %d, want %d\nstdout: %s\nwant %s\nstderr: %s\nwant %s", s.args, code, s.code, stdout, s.stdout, stderr, s.stderr)
		}
	}
}

func TestSweepImportCommand(t *testing.T) {
	in := t.TempDir()
	write(t, filepath.Join(in, "space.json"), `{"lr": {"type": "float", "low": 0.001, "high": 0.1, "log": true}}`)
	write(t, filepath.Join(in, "odd.json"), "{\"lr\": {\"type\": \"float\",\n\"low\": 1}}")
	write(t, filepath.Join(in, "study.db"), "SQLite format 3\x00and so on")
	write(t, filepath.Join(in, "nni.yaml"), "searchSpaceFile: nni.json\ntuner: {name: TPE}\nmaxTrialNumber: 3\n")
	write(t, filepath.Join(in, "nni.json"), `{"x": {"_type": "randint", "_value": [1, 9]}}`)
	write(t, filepath.Join(in, "out.yaml"), "searchSpaceFile: ../../etc/hostname\ntuner: {name: TPE}\n")
	script(t, in,
		step{args: "sweep import space.json", stdout: "lr: {distribution: log_uniform_values, min: 0.001, max: 0.1}", stderr: "not carried: The metric and its goal"},
		step{args: "sweep import space.json", stdout: "# Not carried: The metric and its goal"},
		step{args: "sweep import -", stdin: `{"a": {"grid_search": [1, 2]}}`, stdout: "method: grid"},
		step{args: "sweep import --from optuna odd.json", code: 2, stdout: "-", stderr: "odd.json:1: lr: needs low and high"},
		step{args: "sweep import --from vizier space.json", code: 2, stdout: "-", stderr: `--from: "vizier" is no format`},
		step{args: "sweep import nowhere.json", code: 2, stdout: "-", stderr: "nowhere.json"},
		step{args: "sweep import study.db", code: 2, stdout: "-", stderr: "storage"},
		step{args: "sweep import nni.yaml", stdout: "x: {distribution: int_uniform, min: 1, max: 8}"},
		step{args: "sweep import out.yaml", code: 2, stdout: "-", stderr: "searchSpaceFile"},
		step{args: "sweep import", code: 2, stdout: "-", stderr: "usage: tourney sweep import FILE"},
	)
}

func TestSweepFmtCommand(t *testing.T) {
	in := t.TempDir()
	const messy, neat = "parameters: {x: {max: 3, min: 1}}\n# what\ntrainer: linear\n", "# what\ntrainer: linear\nparameters: {x: {min: 1, max: 3}}\n"
	file := filepath.Join(in, "s.yaml")
	write(t, file, messy)
	write(t, filepath.Join(in, "bad.yaml"), "a: [\n")
	script(t, in,
		step{args: "sweep fmt s.yaml", stdout: neat},
		step{args: "sweep fmt -d s.yaml", stdout: "--- s.yaml\n+++ s.yaml, formatted\n-parameters: {x: {max: 3, min: 1}}\n"},
		step{args: "sweep fmt", stdin: messy, stdout: neat},
		step{args: "sweep fmt -w -", stdin: messy, code: 2, stdout: "-", stderr: "standard input cannot be written back"},
		step{args: "sweep fmt bad.yaml", code: 2, stdout: "-", stderr: "bad.yaml: not YAML"},
		step{args: "sweep fmt nowhere.yaml", code: 2, stdout: "-", stderr: "nowhere.yaml"},
	)
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	script(t, in, step{args: "sweep fmt -w s.yaml", stdout: "-"}, step{args: "sweep fmt -d s.yaml", stdout: "-"})
	data, err := os.ReadFile(file)
	if err != nil || string(data) != neat {
		t.Errorf("the file holds\n%s%v", data, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
}

// What init writes for a table runs as it is: classes, numbers, few rows.
func TestInitWritesWhatRuns(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		name, head string
		rows       int
		row        func(i int) string
		want       []string
	}{
		{"classes", "customer_id,age,plan,churn", 200, func(i int) string {
			x := rnd.IntN(60)
			return fmt.Sprintf("%d,%d,%s,%s", 1000+i, x, []string{"a", "b"}[rnd.IntN(2)], map[bool]string{true: "yes", false: "no"}[x > 30])
		}, []string{"target: churn # classification, 2 classes", "metric: {name: logloss}", "trainer: gbdt"}},
		{"numbers", "price,rooms,size", 160, func(int) string {
			x := rnd.Float64()
			return fmt.Sprintf("%.3f,%d,%.3f", 100*x+rnd.Float64(), rnd.IntN(6), x)
		}, []string{"# regression, a number", "metric: {name: rmse}"}},
		{"few", "a,b,Kind of it", 60, func(i int) string {
			return fmt.Sprintf("%.3f,%.3f,%d", rnd.Float64()+float64(i%2), rnd.Float64(), i%2)
		}, []string{`target: "Kind of it"`, "trainer: linear # there are few rows"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := t.TempDir()
			rows := tt.head + "\n"
			for i := range tt.rows {
				rows += tt.row(i) + "\n"
			}
			write(t, filepath.Join(in, tt.name+".csv"), rows)
			script(t, in, step{args: "init " + tt.name + ".csv --trials 4 --out s.yaml", stdout: "-", stderr: "tourney run s.yaml"})
			data, err := os.ReadFile(filepath.Join(in, "s.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range tt.want {
				if !strings.Contains(string(data), w) {
					t.Errorf("%s is not in\n%s", w, data)
				}
			}
			stdout, stderr, code := playIn(t, in, "", "run", "s.yaml", "--json")
			if code != 0 {
				t.Fatalf("the file does not run: exit %d\n%s\n%s", code, stderr, data)
			}
			if o := result(t, stdout); o.Sweep.State != tourney.SweepCompleted || len(o.Leaderboard) != 4 {
				t.Errorf("%s with %d trials", o.Sweep.State, len(o.Leaderboard))
			}
		})
	}
	in := t.TempDir()
	write(t, filepath.Join(in, "t.csv"), "a,b\n1,x\n2,y\n3,x\n")
	write(t, filepath.Join(in, "same.csv"), "a\n1\n1\n")
	script(t, in,
		step{args: "init t.csv --target b --trainer tree", stdout: "target: b # classification, 2 classes: x, y"},
		step{args: "init t.csv --target bb", code: 2, stdout: "-", stderr: `has no column "bb"; did you mean "b"?`},
		step{args: "init t.csv --trainer gbtd", code: 2, stdout: "-", stderr: `there is no "gbtd"; did you mean "gbdt"?`},
		step{args: "init t.csv --trials 0", code: 2, stdout: "-", stderr: "--trials must be at least 1"},
		step{args: "init same.csv", code: 2, stdout: "-", stderr: "no column can be predicted"},
		step{args: "init nowhere.csv", code: 2, stdout: "-", stderr: "nowhere.csv"},
		step{args: "init t.csv --out t.yaml", stdout: "-"},
		step{args: "init t.csv --out t.yaml", code: 2, stdout: "-", stderr: "file exists"},
		step{args: "init t.csv --out t.yaml --force", stdout: "-"},
	)
}

// A file for each trainer fits that trainer's own table.
func TestInitForEachTrainer(t *testing.T) {
	in := t.TempDir()
	write(t, filepath.Join(in, "t.csv"), "a,b\n1,x\n2,y\n3,x\n")
	for _, trainer := range []string{"fm", "forest", "gbdt", "linear", "mlp", "tree"} {
		script(t, in, step{args: "init t.csv --trainer " + trainer, stdout: "trainer: " + trainer + " # you chose it"})
	}
}

func TestDoctor(t *testing.T) {
	in := t.TempDir()
	stdout, stderr, code := playIn(t, in, "", "doctor", "--json", "--server", "http://127.0.0.1:1")
	var report struct {
		Problems int
		Findings []finding
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err, stdout)
	}
	if code != 1 || report.Problems != 1 || !strings.Contains(stderr, "1 found") {
		t.Errorf("a server that was asked for and is not there: exit %d, %d problems: %s", code, report.Problems, stderr)
	}
	for _, what := range []string{"version", "kernels", "memory", "open files", "clock", "disk", "data", "temporary", "server"} {
		if !strings.Contains(stdout, `"what": "`+what+`"`) {
			t.Errorf("nothing is said of %s:\n%s", what, stdout)
		}
	}
	for _, f := range report.Findings {
		if (f.State == "ok") == (f.Advice != "") {
			t.Errorf("%+v: advice belongs to what is not fine, and only to that", f)
		}
	}
	up := start(t, "up", "--addr", "127.0.0.1:0", "--workers", "0", "--data-dir", filepath.Join(in, "d"))
	script(t, in, step{args: "doctor --data-dir d --server " + up.url(), stdout: "0 alive with 0 slots"})
	if os.Getuid() != 0 { // root may write everywhere
		if err := os.Mkdir(filepath.Join(in, "locked"), 0o500); err != nil {
			t.Fatal(err)
		}
		script(t, in, step{args: "doctor --data-dir locked", code: 1, stdout: "locked cannot be written"})
	}
	script(t, in, step{args: "doctor --data-dir /proc/nowhere/data", code: 1, stdout: "cannot be written", stderr: "found"})
}

// Each command that people use has a page, which man can set without a word of
// complaint where there is a man.
func TestMan(t *testing.T) {
	in := t.TempDir()
	script(t, in, step{args: "man pages", stdout: "-", stderr: "pages into pages"})
	for _, name := range []string{"tourney", "tourney-run", "tourney-sweep-create", "tourney-dataset-add", "tourney-doctor"} {
		page, err := os.ReadFile(filepath.Join(in, "pages", name+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, section := range []string{".TH ", ".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH ENVIRONMENT", ".SH EXIT STATUS"} {
			if !bytes.Contains(page, []byte(section)) {
				t.Errorf("%s has no %s", name, section)
			}
		}
	}
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("no groff here to set the pages")
	}
	pages, err := filepath.Glob(filepath.Join(in, "pages", "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages {
		if out, err := exec.CommandContext(t.Context(), "groff", "-man", "-Tutf8", "-ww", "-z", p).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", p, err, out)
		}
	}
}

// Shells get scripts, and names from the server; without one, nothing and no
// complaint.
func TestCompletion(t *testing.T) {
	in := t.TempDir()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script(t, in, step{args: "completion " + shell, stdout: "tourney"})
	}
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	url := up.url()
	addToy(t, url)
	id, err := post(url, "named")
	if err != nil || id == "" {
		t.Fatal(id, err)
	}
	t.Setenv("TOURNEY_SERVER", url)
	for args, want := range map[string]string{
		"__complete sweep show ":    id + "\tnamed, running\n:4",
		"__complete dataset show ":  "toy\n:4",
		"__complete sweep create ":  ":0",
		"__complete dataset synth ": "classification\nregression\nclicks\n:4",
		"__complete sweep fm":       "fmt\t",
		"__complete verify ":        ":16",
	} {
		list := strings.Split(args, " ") // the last one may be empty
		if stdout, stderr, code := play(t, list...); code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit %d\n%s%s\nwant %s", args, code, stdout, stderr, want)
		}
	}
	t.Setenv("TOURNEY_SERVER", "http://127.0.0.1:1")
	if stdout, _, code := play(t, "__complete", "sweep", "show", ""); code != 0 || stdout != ":4\n" {
		t.Errorf("without a server: exit %d: %s", code, stdout)
	}
}

// Each flag of each command has a variable and a key in the config file.
func TestEachFlagHasAVariableAndAKey(t *testing.T) {
	for _, c := range allCommands(newRoot()) {
		if c.HasSubCommands() || c.Name() == "help" {
			continue
		}
		var names []string
		collectFlags := func(f *pflag.Flag) {
			if f.Name != "config" && f.Name != "help" {
				names = append(names, f.Name)
			}
		}
		c.LocalFlags().VisitAll(collectFlags)
		c.InheritedFlags().VisitAll(collectFlags)
		for _, name := range names {
			f := c.Flag(name)
			value := f.DefValue
			if strings.HasSuffix(f.Value.Type(), "Slice") || strings.HasSuffix(f.Value.Type(), "Array") || value == "" {
				value = "1"
			}
			for _, way := range []string{"variable", "key"} {
				root := newRoot()
				again, _, err := root.Find(strings.Fields(c.CommandPath())[1:])
				if err != nil {
					t.Fatal(err)
				}
				if err := again.ParseFlags(nil); err != nil {
					t.Fatal(err)
				}
				variable := "TOURNEY_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
				if way == "variable" {
					t.Setenv(variable, value)
				} else {
					file := filepath.Join(t.TempDir(), "c.yaml")
					write(t, file, fmt.Sprintf("%s: %q\n", name, value))
					if err := again.Flags().Set("config", file); err != nil {
						t.Fatal(err)
					}
				}
				if err := cli.Settle(again); err != nil && name != "ca" && name != "token" || !again.Flag(name).Changed { // there is no such file, and no https
					t.Errorf("%s --%s is not set by its %s: %v", c.CommandPath(), name, way, err)
				}
				if way == "variable" {
					os.Unsetenv(variable)
				}
			}
		}
	}
}

// A list in the config file sets a flag that may be repeated.
func TestListInTheConfigFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	write(t, file, "drop: [a, b]\ntest-file: [x, y]\n")
	add, _, err := newRoot().Find([]string{"dataset", "add"})
	if err != nil {
		t.Fatal(err)
	}
	if err := add.ParseFlags([]string{"--config", file}); err != nil {
		t.Fatal(err)
	}
	if err := cli.Settle(add); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"drop": "[a,b]", "test-file": "[x,y]"} {
		if got := add.Flag(name).Value.String(); got != want {
			t.Errorf("--%s is %s, want %s", name, got, want)
		}
	}
}

// A command or a flag that there is not is told with the nearest.
func TestNearest(t *testing.T) {
	script(t, t.TempDir(),
		step{args: "swep list", code: 2, stdout: "-", stderr: `did you mean "sweep"?`},
		step{args: "sweep impor x", code: 2, stdout: "-", stderr: `did you mean "import"?`},
		step{args: "run --wrokers 3", code: 2, stdout: "-", stderr: `did you mean "workers"?`},
		step{args: "sweep list --servr x", code: 2, stdout: "-", stderr: `did you mean "server"?`},
		step{args: "sweep show", code: 2, stdout: "-", stderr: "usage: tourney sweep show ID"},
		step{args: "version extra", code: 2, stdout: "-", stderr: "usage: tourney version"},
	)
}

// A command that tells something tells it as JSON too, but for those whose
// output is a file or a stream of its own, and those that stay up.
func TestEachCommandSpeaksJSON(t *testing.T) {
	own := map[string]string{
		"up": "stays up", "coordinator": "stays up", "worker": "stays up", "completion": "a script", "man": "pages",
		"init": "a sweep file", "import": "a sweep file", "fmt": "sweep files", "schema": "JSON", "export": "a file", "predict": "CSV", "synth": "CSV", "logs": "a log",
	}
	for _, c := range allCommands(newRoot()) {
		if c.HasSubCommands() || c.Name() == "help" || c.HasParent() && c.Parent().Name() == "completion" {
			continue
		}
		if own[c.Name()] != "" && c.CommandPath() != "tourney tls init" {
			continue
		}
		if c.Flags().Lookup("json") == nil {
			t.Errorf("%s has no --json", c.CommandPath())
		}
	}
	var version struct{ Version, Go, OS, Arch string }
	if err := json.Unmarshal([]byte(must(t, "version", "--json")), &version); err != nil || version.Version == "" || version.OS != runtime.GOOS {
		t.Errorf("version --json: %+v, %v", version, err)
	}
}
