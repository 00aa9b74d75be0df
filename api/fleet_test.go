package api_test

import (
	"bufio"
	"context"
	"strings"
	"testing"
	"time"

	"tourney"
	"tourney/api"
	"tourney/api/internal/apitest"
)

// roster is a world with workers that a test makes.
type roster struct {
	*apitest.World
	workers func() []tourney.Worker
}

func (r *roster) Workers(context.Context) ([]tourney.Worker, error) { return r.workers(), nil }

// A stream of all sweeps tells of the workers that live, of one that comes, of
// one that goes and comes back, each once, and moves no id by it.
func TestAStreamTellsOfWorkers(t *testing.T) {
	var start time.Time
	workers := func() []tourney.Worker {
		now := time.Since(start)
		list := []tourney.Worker{
			{ID: "old", LastSeen: start.Add(-10 * time.Minute)},
			{ID: "steady", LastSeen: time.Now()},
			{ID: "shaky", LastSeen: start.Add(-55 * time.Second)}, // goes after 5 s, is back after 20 s
		}
		if now >= 20*time.Second {
			list[2].LastSeen = time.Now()
		}
		if now >= 10*time.Second {
			list = append(list, tourney.Worker{ID: "new", LastSeen: time.Now()})
		}
		return list
	}
	bubble(t, func(b bubbled) {
		start = time.Now()
		conn := b.dial()
		defer conn.Close()
		stream := b.ask(conn, "")
		defer stream.Close()
		var got []string
		lines, message := bufio.NewScanner(stream), []string{}
		for time.Since(start) < 30*time.Second && lines.Scan() {
			if lines.Text() != "" {
				message = append(message, lines.Text())
				continue
			}
			if len(message) == 2 && message[0] == "event: worker" {
				id := strings.Split(message[1], `"`)[5]
				got = append(got, id+map[bool]string{true: "+", false: "-"}[strings.HasSuffix(message[1], `"live":true}`)])
			}
			message = message[:0]
		}
		if want := "steady+ shaky+ shaky- new+ shaky+"; strings.Join(got, " ") != want {
			b.Errorf("told %q, want %q", got, want)
		}
	}, func(cfg *api.Config) { cfg.Reader = &roster{cfg.Reader.(*apitest.World), workers} })
}
