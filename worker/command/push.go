package command

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"tourney/trainers/command"
)

// maxPush is the largest report that a program may push, in bytes.
const maxPush = 1 << 20

// pushServer takes reports from the programs of this worker: on loopback, from
// who knows the secret of a running attempt.
type pushServer struct {
	url string
	srv *http.Server

	mu     sync.Mutex
	takers map[string]func(command.Observation) (stop bool)
}

// startPush listens on a free port.
func startPush() (*pushServer, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for reports: %w", err)
	}
	s := &pushServer{url: "http://" + l.Addr().String() + "/report", takers: map[string]func(command.Observation) bool{}}
	s.srv = &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { _ = s.srv.Serve(l) }() // until close
	return s, nil
}

func (s *pushServer) close() error { return s.srv.Close() }

// admit lets a program report until the returned function is called. The secret
// is its own.
func (s *pushServer) admit(take func(command.Observation) bool) (secret string, leave func()) {
	secret = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takers[secret] = take
	return secret, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.takers, secret)
	}
}

// ServeHTTP implements http.Handler: POST /report with a bearer token and
// {"step": 3, "metrics": {"loss": 0.1}}, answered by {"stop": false}.
func (s *pushServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secret, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	take := s.takers[secret] // a secret of 128 bits is not found by timing a map
	s.mu.Unlock()
	switch {
	case take == nil:
		answer(w, http.StatusUnauthorized, map[string]any{"error": "send Authorization: Bearer $TOURNEY_REPORT_TOKEN"})
		return
	case r.URL.Path != "/report" || r.Method != http.MethodPost:
		answer(w, http.StatusNotFound, map[string]any{"error": "POST to $TOURNEY_REPORT_URL"})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPush))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		answer(w, http.StatusRequestEntityTooLarge, map[string]any{"error": fmt.Sprintf("a report has at most %d bytes", maxPush)})
		return
	}
	if err != nil {
		return // the program is gone
	}
	o, err := command.ReadReport(body)
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": err.Error()})
		return
	}
	answer(w, http.StatusOK, map[string]any{"stop": take(o)})
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // if it is gone it asks no more
}
