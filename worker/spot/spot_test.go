package spot_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tourney"
	"tourney/worker/spot"
	"tourney/worker/spot/spottest"
)

// watched is a cloud that is watched for a test.
type watched struct {
	*spottest.Server
	t       *testing.T
	notices chan spot.Notice
	done    chan struct{}
}

// watch watches a cloud that looks every few milliseconds.
func watch(t *testing.T, name string, before ...func(*spottest.Server)) *watched {
	t.Helper()
	w := &watched{Server: spottest.New(), t: t, notices: make(chan spot.Notice, 100), done: make(chan struct{})}
	for _, f := range before {
		f(w.Server)
	}
	cloud, err := spot.Find(name, spot.Options{URL: w.URL, Poll: 2 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(w.done)
		cloud.Watch(ctx, func(n spot.Notice) { w.notices <- n })
	}()
	t.Cleanup(func() {
		cancel()
		<-w.done
		w.Close()
	})
	return w
}

// next waits for a notice.
func (w *watched) next(warning bool, words string) {
	w.t.Helper()
	if n := <-w.notices; n.Warning != warning || !strings.Contains(n.Why, words) {
		w.t.Errorf("told %+v, want a warning %v with %q", n, warning, words)
	}
}

// looks waits until a path was asked for several times more.
func (w *watched) looks(path string, more int) {
	w.t.Helper()
	w.Await(path, w.Asked(path)+more)
}

// quiet wants nothing to have been told.
func (w *watched) quiet() {
	w.t.Helper()
	select {
	case n := <-w.notices:
		w.t.Errorf("told %+v", n)
	default:
	}
}

const (
	action  = "/latest/meta-data/spot/instance-action"
	token   = "/latest/api/token"
	preempt = "/computeMetadata/v1/instance/preempted"
	events  = "/metadata/scheduledevents"
)

func TestAWS(t *testing.T) {
	for _, what := range []string{"terminate", "stop", "hibernate"} {
		t.Run(what, func(t *testing.T) {
			w := watch(t, "aws")
			w.looks(action, 3) // 404, and nothing is told
			w.quiet()
			w.Interrupt(what, time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)) // long ago: it counts all the same
			w.next(false, what+" at 2026-01-02T15:04:05Z")
			<-w.done
		})
	}
}

// A recommendation is told once, and does not hide the interruption that comes
// later.
func TestAWSRebalance(t *testing.T) {
	w := watch(t, "aws")
	w.Rebalance(time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC))
	w.next(true, "rebalance")
	w.looks(action, 5)
	w.quiet()
	w.Interrupt("terminate", time.Now())
	w.next(false, "terminate")
}

// One token serves many looks; one that has expired is replaced.
func TestAWSToken(t *testing.T) {
	w := watch(t, "aws")
	w.looks(action, 10)
	if n := w.Asked(token); n != 1 {
		t.Errorf("%d tokens for ten looks", n)
	}
	w.Expire()
	w.looks(action, 10)
	w.Interrupt("terminate", time.Now())
	w.next(false, "terminate")
	if n := w.Asked(token); n != 2 {
		t.Errorf("%d tokens, want a second one", n)
	}
}

func TestGCP(t *testing.T) {
	w := watch(t, "gcp")
	w.looks(preempt, 2) // the second is held
	w.quiet()
	w.Touch() // answered, and nothing has changed
	w.looks(preempt, 1)
	w.quiet()
	w.Preempt()
	w.next(false, "preempted")
	<-w.done
}

func TestGCPMaintenance(t *testing.T) {
	w := watch(t, "gcp", (*spottest.Server).Maintain)
	w.next(true, "maintenance")
	w.Touch()
	w.looks(preempt, 1)
	w.quiet()
}

// A long poll that breaks midway is begun anew, without waiting for a change
// that may have been missed.
func TestGCPBrokenPoll(t *testing.T) {
	w := watch(t, "gcp")
	w.looks(preempt, 2)
	w.Cut(true)
	w.looks(preempt, 3)
	w.quiet()
	w.Preempt()
	w.next(false, "preempted")
}

func TestAzure(t *testing.T) {
	for _, kind := range []string{"Preempt", "Terminate"} {
		for _, status := range []string{"Scheduled", "Started"} {
			w := watch(t, "azure")
			w.looks(events, 2)
			w.quiet()
			w.Schedule(kind, "vm", status)
			w.next(false, kind)
			<-w.done
		}
	}
}

// Events of other machines, and such as matter to none, are not ours; one that
// may hurt is a warning, once, also if it is withdrawn.
func TestAzureOthers(t *testing.T) {
	w := watch(t, "azure")
	w.Schedule("Preempt", "vm2", "Scheduled")
	w.Schedule("Freeze", "vm", "Scheduled")
	w.looks(events, 5)
	w.quiet()
	w.Schedule("Redeploy", "vm", "Scheduled")
	w.next(true, "Redeploy")
	w.Withdraw()
	w.looks(events, 5)
	w.quiet()
}

// Whatever the service does, a notice that comes later is heard.
func TestTrouble(t *testing.T) {
	for _, cloud := range []struct {
		name, path string
		notify     func(*spottest.Server)
	}{
		{"aws", "", func(s *spottest.Server) { s.Interrupt("terminate", time.Now()) }},
		{"gcp", preempt, (*spottest.Server).Preempt},
		{"azure", "", func(s *spottest.Server) { s.Schedule("Preempt", "vm", "Scheduled") }},
	} {
		for name, trouble := range map[string]func(s *spottest.Server, on bool){
			"500":     func(s *spottest.Server, on bool) { s.Fail(map[bool]int{true: 500}[on]) },
			"403":     func(s *spottest.Server, on bool) { s.Fail(map[bool]int{true: 403}[on]) },
			"garbage": func(s *spottest.Server, on bool) { s.Garble(on) },
			"hang":    func(s *spottest.Server, on bool) { s.Hang(map[bool]time.Duration{true: time.Hour}[on]) },
		} {
			t.Run(cloud.name+" "+name, func(t *testing.T) {
				t.Parallel()
				w := watch(t, cloud.name, func(s *spottest.Server) { trouble(s, true) })
				first := map[string]string{"aws": token, "gcp": preempt, "azure": "/metadata/instance/compute"}[cloud.name]
				if name == "garbage" && cloud.name == "gcp" {
					w.looks(first, 1) // its answers are no JSON
				} else if name == "garbage" && cloud.name == "aws" {
					w.Interrupt("terminate", time.Now())
					w.looks(action, 2)
				} else {
					w.looks(first, 2)
				}
				w.quiet()
				trouble(w.Server, false)
				cloud.notify(w.Server)
				w.next(false, cloud.name)
			})
		}
	}
}

// What the machine is comes from the cloud; if that does not answer, the rest
// stands.
func TestMachine(t *testing.T) {
	s := spottest.New()
	defer s.Close()
	for name, want := range map[string]tourney.Machine{
		"aws":   {Cloud: "aws", Instance: "c7i.2xlarge", Zone: "eu-central-1a", Spot: true},
		"gcp":   {Cloud: "gcp", Instance: "c3-standard-8", Zone: "europe-west4-a", Spot: true},
		"azure": {Cloud: "azure", Instance: "Standard_D8s_v5", Zone: "westeurope-2", Spot: true},
	} {
		s.Fail(0)
		cloud, err := spot.Find(name, spot.Options{URL: s.URL})
		if err != nil {
			t.Fatal(err)
		}
		if got := cloud.Machine(t.Context()); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		s.Fail(500)
		if got := cloud.Machine(t.Context()); got != (tourney.Machine{Cloud: name}) {
			t.Errorf("%s that fails: %+v", name, got)
		}
	}
}

// The firmware tells which cloud it is; elsewhere there is none to ask.
func TestFind(t *testing.T) {
	for _, tt := range []struct {
		file, text, want string
	}{
		{"sys_vendor", "Amazon EC2\n", "aws"},
		{"product_version", "4.11.amazon\n", "aws"},
		{"product_name", "Google Compute Engine\n", "gcp"},
		{"chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77\n", "azure"},
		{"sys_vendor", "QEMU\n", "<nil>"},
		{"", "", "<nil>"},
	} {
		dir := t.TempDir()
		t.Setenv("KUBERNETES_SERVICE_HOST", "")
		if tt.file != "" {
			if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cloud, err := spot.Find("auto", spot.Options{DMI: dir})
		if got := strings.TrimPrefix(fmt.Sprintf("%T", cloud), "*spot."); err != nil || got != tt.want {
			t.Errorf("%s %q: %s, %v; want %s", tt.file, tt.text, got, err, tt.want)
		}
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
	if cloud, err := spot.Find("auto", spot.Options{DMI: t.TempDir()}); err != nil || cloud.Machine(t.Context()).Cloud != "kubernetes" {
		t.Errorf("in a pod: %T, %v", cloud, err)
	}
	if cloud, err := spot.Find("off", spot.Options{}); cloud != nil || err != nil {
		t.Errorf("off: %T, %v", cloud, err)
	}
	if _, err := spot.Find("ec2", spot.Options{}); tourney.AsInvalid(err) == nil {
		t.Errorf("a cloud that there is not: %v", err)
	}
}
