package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"tourney/api/client"
	"tourney/trainers/kernels"
)

const (
	lowDisk   = 2 << 30         // bytes free, below which a person is warned
	lowMemory = 1 << 30         // bytes available, likewise
	lowFiles  = 1024            // files that may be open, likewise
	maxSkew   = 5 * time.Second // between the clocks of this machine and the server
	askFor    = 5 * time.Second // an answer of the server
)

// finding is a line of tourney doctor.
type finding struct {
	What   string `json:"what"`
	State  string `json:"state"` // ok, note, warning or problem
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"` // what to do about it
}

func newDoctor() *cobra.Command {
	var dataDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is wrong with this machine, or with a server",
		Long: `Doctor looks at what a server or worker on this machine needs (kernels, memory, disk,
files, permissions, ports) and, where a server answers, at that: whether it takes work,
what the token may do, which workers are alive, and whether versions and clocks agree.
Each line says what to do. It changes nothing, and exits with 1 if there is a problem.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := examineMachine(dataDir)
			all = append(all, examineServer(cmd.Context(), accessOf(cmd), cmd.Flags().Changed("server"))...)
			if cmd.Context().Err() != nil {
				return errInterrupted
			}
			problems := 0
			for _, f := range all {
				if f.State == "problem" {
					problems++
				}
			}
			if asJSON {
				if err := writeJSON(cmd.OutOrStdout(), map[string]any{"version": buildVersion(), "problems": problems, "findings": all}); err != nil {
					return err
				}
			} else {
				for _, f := range all {
					fmt.Fprintf(cmd.OutOrStdout(), "%-8s %-12s %s\n", f.State, f.What, f.Detail)
					if f.Advice != "" {
						fmt.Fprintf(cmd.OutOrStdout(), "%21s → %s\n", "", f.Advice)
					}
				}
			}
			if problems > 0 {
				return fmt.Errorf("%d found", problems)
			}
			return nil
		},
	}
	serverFlag(cmd)
	cmd.Flags().StringVar(&dataDir, "data-dir", "tourney-data", "directory of the database, datasets and models that a server here would use")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// grade returns a finding that is fine, or one with advice.
func grade(what string, bad bool, state, detail, advice string) finding {
	if !bad {
		return finding{what, "ok", detail, ""}
	}
	return finding{what, state, detail, advice}
}

func examineMachine(dataDir string) []finding {
	found := []finding{{"version", "ok", fmt.Sprintf("%s, %s, %s/%s", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH), ""}}
	class := kernels.Class()
	found = append(found, grade("kernels", len(kernels.Classes()) == 1, "warning", fmt.Sprintf("%s, of %s; %d cores", class, strings.Join(kernels.Classes(), ", "), runtime.NumCPU()),
		"this processor has no AVX2, AVX-512 or NEON: training is some times slower here; prefer other machines for workers"))
	if memory, ok := availableMemory(); ok {
		found = append(found, grade("memory", memory < lowMemory, "warning", showBytes(memory)+" available", "leave at least 1 GiB to a server or worker, or its tables will not fit"))
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		found = append(found, grade("open files", limit.Cur < lowFiles, "warning", fmt.Sprintf("at most %d at a time", limit.Cur), "raise it: ulimit -n 4096"))
	}
	found = append(found, grade("clock", time.Now().Year() < 2025, "problem", time.Now().UTC().Format(time.RFC3339), "set the clock: certificates and leases depend on it"))
	return append(found, examineDisk(dataDir)...)
}

// availableMemory is what Linux says that programs may still take, in bytes.
func availableMemory() (int64, bool) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if fields := strings.Fields(sc.Text()); len(fields) == 3 && fields[0] == "MemAvailable:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10, err == nil
		}
	}
	return 0, false
}

// examineDisk looks at the directories that are written to.
func examineDisk(dataDir string) []finding {
	at := dataDir
	for _, err := os.Stat(at); errors.Is(err, os.ErrNotExist) && filepath.Dir(at) != at; _, err = os.Stat(at) {
		at = filepath.Dir(at) // where it would be made
	}
	var found []finding
	var disk unix.Statfs_t
	if unix.Statfs(at, &disk) == nil {
		free := int64(disk.Bavail) * int64(disk.Bsize) //nolint:unconvert // sizes differ between systems
		state := "warning"
		if free < minFree {
			state = "problem"
		}
		found = append(found, grade("disk", free < lowDisk, state, showBytes(free)+" free where "+dataDir+" is", "make room, or put the data elsewhere with --data-dir; a server takes no work with less than 64 MiB"))
	}
	for _, d := range []struct{ what, dir, advice string }{
		{"data", at, "let this user write there, or choose another place with --data-dir"},
		{"temporary", os.TempDir(), "let this user write there, or set TMPDIR: tables are taken in by way of it"},
	} {
		f, err := os.CreateTemp(d.dir, ".tourney-doctor-*")
		if err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
		detail := d.dir + " can be written"
		if err != nil {
			detail = fmt.Sprintf("%s cannot be written: %v", d.dir, err)
		}
		found = append(found, grade(d.what, err != nil, "problem", detail, d.advice))
	}
	if info, err := os.Stat(dataDir); err == nil {
		found = append(found, grade("permissions", info.Mode().Perm()&0o007 != 0, "warning", fmt.Sprintf("%s has the mode %v", dataDir, info.Mode().Perm()),
			"others on this machine can look into it; chmod o= "+dataDir))
	}
	return found
}

// examineServer asks a server. Where none was asked for and none answers, that
// is no problem.
func examineServer(ctx context.Context, a access, asked bool) []finding {
	ctx, cancel := context.WithTimeout(ctx, 4*askFor)
	defer cancel()
	c := a.client()
	version, err := c.Health(ctx)
	if err != nil {
		if !asked {
			return []finding{portFinding(a.server)}
		}
		return []finding{{"server", "problem", err.Error(), "start it with tourney up, or correct --server and --ca"}}
	}
	found := []finding{{"server", "ok", a.server + " answers", ""}}
	found = append(found, grade("its version", version != buildVersion(), "warning", version, "this program is "+buildVersion()+": use the same on both sides"))
	if skew, ok := clockSkew(ctx, a); ok {
		found = append(found, grade("its clock", skew.Abs() > maxSkew, "warning", skew.Round(time.Second).String()+" apart from this one", "let both machines keep time (NTP): leases and certificates depend on it"))
	}
	err = c.Ready(ctx)
	detail := "database, bus and disk are ready"
	if err != nil {
		detail = err.Error()
	}
	found = append(found, grade("readiness", err != nil, "problem", detail, "look into the server's log; it names the part (database, NATS, disk) that fails"))
	token, may := tokenFinding(ctx, c, a.token)
	found = append(found, token)
	if may {
		found = append(found, workerFindings(ctx, c, version)...)
	}
	return found
}

// portFinding says whether the place of a server is free.
func portFinding(server string) finding {
	_, host, _ := strings.Cut(server, "://")
	var d net.Dialer
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return finding{"server", "note", "none on " + server + ", and its port is free", "tourney up starts one; tourney run needs none; --server URL names another"}
	}
	conn.Close() //nolint:errcheck // nothing was said
	return finding{"server", "warning", "something listens on " + host + " that is no Tourney", "stop it, or choose another place: tourney up --addr, and --server for the others"}
}

// clockSkew compares the server's clock with this one.
func clockSkew(ctx context.Context, a access) (time.Duration, bool) {
	hc, err := a.http()
	if err != nil {
		return 0, false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(a.server, "/")+"/healthz", nil)
	if err != nil {
		return 0, false
	}
	resp, err := hc.Do(req)
	if err != nil {
		return 0, false
	}
	resp.Body.Close() //nolint:errcheck // its head was all
	there, err := http.ParseTime(resp.Header.Get("Date"))
	return time.Since(there), err == nil
}

// tokenFinding finds out what the token may do by asking for what each scope
// allows; may reports whether it may look.
func tokenFinding(ctx context.Context, c *client.Client, token string) (f finding, may bool) {
	who := "the token"
	if token == "" {
		who = "without a token one"
	}
	if _, err := c.Tokens(ctx); err == nil {
		return finding{"token", "ok", who + " may do everything (admin)", ""}, true
	}
	if _, err := collect(c.Sweeps(ctx), 1); err != nil {
		advice := "put a token into TOURNEY_TOKEN; tourney token create makes one"
		if token != "" {
			advice = "it is unknown, expired or revoked, or of scope worker, which cannot look; tourney token list (by an admin) tells"
		}
		return finding{"token", "problem", err.Error(), advice}, false
	}
	return finding{"token", "ok", who + " may look (read or submit), not administer", ""}, true
}

// workerFindings says which workers are alive and of another version.
func workerFindings(ctx context.Context, c *client.Client, version string) []finding {
	workers, err := c.Workers(ctx)
	if err != nil {
		return []finding{{"workers", "warning", err.Error(), "the token may not see them; ask with one of scope read"}}
	}
	alive, slots, gone, other := 0, 0, 0, ""
	for _, w := range workers {
		if time.Since(w.LastSeen) > unheard {
			gone++
			continue
		}
		alive, slots = alive+1, slots+w.Slots
		if w.Version != version {
			other = cmp.Or(other, fmt.Sprintf("%s on %s is %s", w.ID, w.Host, w.Version))
		}
	}
	found := []finding{grade("workers", alive == 0, "warning", fmt.Sprintf("%d alive with %d slots, %d not heard of for a minute", alive, slots, gone),
		"nothing is trained: start one with tourney worker --server URL, or tourney up --workers N")}
	if other != "" {
		found = append(found, finding{"versions", "warning", other + ", the server " + version, "update that worker: tourney worker of the same version"})
	}
	return found
}
