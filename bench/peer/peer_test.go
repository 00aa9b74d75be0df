package peer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"tourney/bench/peer"
)

// The other process is this test binary again.
func TestMain(m *testing.M) {
	if os.Getenv("TOURNEY_TEST_PEER") == "" {
		os.Exit(m.Run())
	}
	err := peer.Serve(os.Stdin, os.Stdout, func(request json.RawMessage) (any, error) {
		var n int
		if err := json.Unmarshal(request, &n); err != nil {
			return nil, err
		}
		switch n {
		case 0:
			return nil, errors.New("it is zero")
		case 13:
			fmt.Fprintln(os.Stderr, "bad luck")
			os.Exit(3)
		}
		return map[string]int{"twice": 2 * n}, nil
	})
	if err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func TestPeer(t *testing.T) {
	p, err := peer.Start(t.Context(), []string{"TOURNEY_TEST_PEER=1"}, os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	var out struct{ Twice int }
	for n := 1; n < 4; n++ {
		if err := p.Call(n, &out); err != nil || out.Twice != 2*n {
			t.Errorf("asked %d, answered %d, %v", n, out.Twice, err)
		}
	}
	if err := p.Call(0, &out); err == nil || !strings.Contains(err.Error(), "it is zero") {
		t.Errorf("its error is %v", err)
	}
	if err := p.Call(5, &out); err != nil || out.Twice != 10 {
		t.Errorf("after an error it answers %d, %v", out.Twice, err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// A process that dies is an error that holds its last words.
func TestPeerDies(t *testing.T) {
	p, err := peer.Start(t.Context(), []string{"TOURNEY_TEST_PEER=1"}, os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := p.Call(13, &out); err == nil {
		t.Fatal("no error of a process that is gone")
	}
	if err := p.Close(); err == nil || !strings.Contains(err.Error(), "bad luck") {
		t.Errorf("it died with %v", err)
	}
}
