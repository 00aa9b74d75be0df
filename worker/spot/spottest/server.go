// Package spottest hides a metadata service that speaks as three clouds do, and
// fails as they do.
package spottest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// Server is the metadata service of one machine, called "vm". Its methods may be
// called while it is asked.
type Server struct {
	URL string

	srv *httptest.Server

	mu        sync.Mutex
	more      *sync.Cond     // something was asked
	asked     map[string]int // by path
	tokens    int            // made so far; the last is good
	status    int            // what everything answers; 0: as it should
	hang      time.Duration  // before each answer
	garbage   bool           // JSON is broken
	cut       bool           // long polls break midway
	action    string         // AWS: document of spot/instance-action
	rebalance string         // AWS: document of the recommendation
	preempted bool           // GCP
	maintain  string         // GCP: maintenance event
	etag      int
	changed   chan struct{} // closed at a change
	events    []string      // Azure
}

// New starts a service on loopback. The caller closes it.
func New() *Server {
	s := &Server{asked: map[string]int{}, changed: make(chan struct{}), maintain: "NONE", etag: 1}
	s.more = sync.NewCond(&s.mu)
	s.srv = httptest.NewServer(http.HandlerFunc(s.serve))
	s.URL = s.srv.URL
	return s
}

// Close ends it.
func (s *Server) Close() {
	s.srv.CloseClientConnections()
	s.srv.Close()
}

func (s *Server) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// Fail has every answer be of a status; 0 ends that.
func (s *Server) Fail(status int) { s.set(func() { s.status = status }) }

// Hang has every answer come so late.
func (s *Server) Hang(d time.Duration) { s.set(func() { s.hang = d }) }

// Garble has documents be no JSON.
func (s *Server) Garble(on bool) { s.set(func() { s.garbage = on }) }

// Cut has long polls break midway.
func (s *Server) Cut(on bool) { s.set(func() { s.cut = on }) }

// Expire has the tokens that AWS has given be good no more.
func (s *Server) Expire() { s.set(func() { s.tokens++ }) }

// Interrupt has AWS interrupt the machine: terminate, stop or hibernate.
func (s *Server) Interrupt(action string, at time.Time) {
	s.set(func() { s.action = fmt.Sprintf(`{"action":%q,"time":%q}`, action, at.UTC().Format(time.RFC3339)) })
}

// Rebalance has AWS recommend to.
func (s *Server) Rebalance(at time.Time) {
	s.set(func() { s.rebalance = fmt.Sprintf(`{"noticeTime":%q}`, at.UTC().Format(time.RFC3339)) })
}

// Preempt has GCP preempt the machine.
func (s *Server) Preempt() { s.set(func() { s.preempted = true; s.etag++ }) }

// Maintain has GCP announce that the host is maintained.
func (s *Server) Maintain() { s.set(func() { s.maintain = "TERMINATE_ON_HOST_MAINTENANCE" }) }

// Touch has GCP's long polls be answered without a change that matters.
func (s *Server) Touch() { s.set(func() { s.etag++ }) }

// Schedule has Azure schedule an event for a machine.
func (s *Server) Schedule(kind, machine, status string) {
	s.set(func() {
		s.events = append(s.events, fmt.Sprintf(`{"EventId":"e%d","EventType":%q,"ResourceType":"VirtualMachine","Resources":["other",%q],"EventStatus":%q,"NotBefore":"Mon, 19 Sep 2016 18:29:47 GMT"}`,
			len(s.events), kind, machine, status))
	})
}

// Withdraw has Azure forget its events.
func (s *Server) Withdraw() { s.set(func() { s.events = nil }) }

// Await waits until a path was asked for so often in all.
func (s *Server) Await(path string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.asked[path] < times {
		s.more.Wait()
	}
}

// Asked returns how often a path was asked for.
func (s *Server) Asked(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked[r.URL.Path]++
	s.more.Broadcast()
	status, hang := s.status, s.hang
	s.mu.Unlock()
	if hang > 0 {
		timer := time.NewTimer(hang)
		defer timer.Stop()
		select {
		case <-r.Context().Done():
			return
		case <-timer.C:
		}
	}
	if status != 0 {
		http.Error(w, "no", status)
		return
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/latest/"):
		s.aws(w, r)
	case strings.HasPrefix(r.URL.Path, "/computeMetadata/v1/instance/"):
		s.gcp(w, r)
	case strings.HasPrefix(r.URL.Path, "/metadata/"):
		s.azure(w, r)
	default:
		http.NotFound(w, r)
	}
}

// write sends a document, or what should be one.
func (s *Server) write(w http.ResponseWriter, doc string) {
	if s.garbage {
		doc = "<html>" + doc[:len(doc)/2]
	}
	fmt.Fprint(w, doc)
}

func (s *Server) aws(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/latest/api/token" {
		if r.Method != http.MethodPut || r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") == "" {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		s.tokens++
		fmt.Fprintf(w, "token-%d", s.tokens)
		return
	}
	if r.Header.Get("X-aws-ec2-metadata-token") != fmt.Sprintf("token-%d", s.tokens) {
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return
	}
	doc := map[string]string{
		"spot/instance-action": s.action, "events/recommendations/rebalance": s.rebalance,
	}[strings.TrimPrefix(r.URL.Path, "/latest/meta-data/")]
	switch r.URL.Path {
	case "/latest/meta-data/instance-type":
		fmt.Fprint(w, "c7i.2xlarge")
	case "/latest/meta-data/placement/availability-zone":
		fmt.Fprint(w, "eu-central-1a")
	case "/latest/meta-data/instance-life-cycle":
		fmt.Fprint(w, "spot")
	default:
		if doc == "" {
			http.NotFound(w, r)
			return
		}
		s.write(w, doc)
	}
}

func (s *Server) gcp(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Metadata-Flavor") != "Google" {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	if query := r.URL.Query(); query.Get("wait_for_change") == "true" && !s.await(w, r, query.Get("last_etag")) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Metadata-Flavor", "Google")
	w.Header().Set("ETag", fmt.Sprint(s.etag))
	switch strings.TrimPrefix(r.URL.Path, "/computeMetadata/v1/instance/") {
	case "preempted":
		fmt.Fprint(w, strings.ToUpper(fmt.Sprint(s.preempted)))
	case "maintenance-event":
		fmt.Fprint(w, s.maintain)
	case "machine-type":
		fmt.Fprint(w, "projects/123/machineTypes/c3-standard-8")
	case "zone":
		fmt.Fprint(w, "projects/123/zones/europe-west4-a")
	case "scheduling/preemptible":
		fmt.Fprint(w, "TRUE")
	default:
		http.NotFound(w, r)
	}
}

// await holds a long poll until there is another ETag. It returns false if the
// connection broke.
func (s *Server) await(w http.ResponseWriter, r *http.Request, last string) bool {
	for {
		s.mu.Lock()
		now, changed, cut := fmt.Sprint(s.etag), s.changed, s.cut
		s.mu.Unlock()
		if cut {
			w.Header().Set("Metadata-Flavor", "Google")
			w.Header().Set("Content-Length", "5")
			fmt.Fprint(w, "TR") // and no more
			panic(http.ErrAbortHandler)
		}
		if now != last {
			return true
		}
		select {
		case <-r.Context().Done():
			return false
		case <-changed:
		}
	}
}

func (s *Server) azure(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Metadata") != "true" || r.URL.Query().Get("api-version") == "" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	switch r.URL.Path {
	case "/metadata/instance/compute":
		s.write(w, `{"name":"vm","vmSize":"Standard_D8s_v5","location":"westeurope","zone":"2","priority":"Spot"}`)
	case "/metadata/scheduledevents":
		s.write(w, fmt.Sprintf(`{"DocumentIncarnation":%d,"Events":[%s]}`, len(s.events), strings.Join(s.events, ",")))
	default:
		http.NotFound(w, r)
	}
}
