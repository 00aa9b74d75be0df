package storetest

import (
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"tourney"
)

// issued is a token with every field that is saved, as old as n says.
func issued(id string, n int) tourney.AccessToken {
	at := time.Date(2026, 11, 20, 8, n, 0, 123000, time.UTC)
	return tourney.AccessToken{ID: id, Name: "of " + id, Scope: tourney.ScopeWorker, Pool: "gpu", Created: at, Expires: at.Add(1000 * time.Hour)}
}

// A token reads back whole, with the hash of its secret; what happens to it
// later shows, and what is unknown is not found.
func testTokens(t *testing.T, open Opener) {
	s := start(t, open)
	ctx := t.Context()
	list, err := s.Tokens(ctx)
	must(t, err)
	if len(list) != 0 {
		t.Fatalf("a new store has the tokens %v", list)
	}
	first, second := issued("first", 1), issued("second", 2)
	second.Expires, second.Pool, second.Scope = time.Time{}, "", tourney.ScopeAdmin
	must(t, s.SaveToken(ctx, first, [32]byte{1, 31: 9}, nil))
	must(t, s.SaveToken(ctx, second, [32]byte{2}, nil))
	if err := s.SaveToken(ctx, first, [32]byte{3}, nil); err == nil {
		t.Error("a second token of the same id is taken")
	}
	got, hash, err := s.Token(ctx, "first")
	must(t, err)
	if !reflect.DeepEqual(got, first) || hash != [32]byte{1, 31: 9} {
		t.Errorf("read back %+v with %v, want %+v", got, hash, first)
	}
	list, err = s.Tokens(ctx)
	must(t, err)
	if !reflect.DeepEqual(list, []tourney.AccessToken{second, first}) {
		t.Errorf("listed %+v, want the newest first", list)
	}
	must(t, s.TouchToken(ctx, "first"))
	must(t, s.RevokeToken(ctx, "first"))
	got, _, err = s.Token(ctx, "first")
	must(t, err)
	if got.LastUsed.IsZero() || got.Revoked.IsZero() || got.Valid(first.Created) {
		t.Errorf("after its use and its end it is %+v", got)
	}
	must(t, s.RevokeToken(ctx, "first"))
	again, _, err := s.Token(ctx, "first")
	must(t, err)
	if !again.Revoked.Equal(got.Revoked) {
		t.Errorf("revoked at %v, and once more at %v", got.Revoked, again.Revoked)
	}
	if other, _, err := s.Token(ctx, "second"); err != nil || !reflect.DeepEqual(other, second) {
		t.Errorf("the other token is now %+v, %v", other, err)
	}
	_, _, err = s.Token(ctx, "third")
	wantError(t, err, tourney.ErrNotFound)
	wantError(t, s.RevokeToken(ctx, "third"), tourney.ErrNotFound)
}

// A session leads to its token until it expires, is ended, or its token is
// revoked; others go on.
func testSessions(t *testing.T, open Opener) {
	s := start(t, open)
	ctx := t.Context()
	a, b := issued("a", 1), issued("b", 2)
	must(t, s.SaveToken(ctx, a, [32]byte{1}, nil))
	must(t, s.SaveToken(ctx, b, [32]byte{2}, nil))
	later := time.Now().Add(time.Hour)
	must(t, s.SaveSession(ctx, [32]byte{10}, "a", later))
	must(t, s.SaveSession(ctx, [32]byte{11}, "a", later))
	must(t, s.SaveSession(ctx, [32]byte{12}, "b", later))
	must(t, s.SaveSession(ctx, [32]byte{13}, "b", time.Now().Add(-time.Second)))
	if err := s.SaveSession(ctx, [32]byte{14}, "nobody", later); err == nil {
		t.Error("a session of no token is taken")
	}
	leads := func(hash byte, want string) {
		t.Helper()
		got, err := s.SessionToken(ctx, [32]byte{hash})
		if want == "" {
			wantError(t, err, tourney.ErrNotFound)
			return
		}
		must(t, err)
		if got.ID != want {
			t.Errorf("session %d is of token %q, want %q", hash, got.ID, want)
		}
	}
	leads(10, "a")
	leads(11, "a")
	leads(12, "b")
	leads(13, "") // it has expired
	leads(1, "")  // the hash of a token is none of a session
	must(t, s.DeleteSession(ctx, [32]byte{10}))
	must(t, s.DeleteSession(ctx, [32]byte{10})) // it is gone, which is no error
	leads(10, "")
	leads(11, "a")
	must(t, s.RevokeToken(ctx, "a"))
	leads(11, "")
	leads(12, "b")
}

// The audit keeps everything, newest first, also what comes at the same time.
func testAudit(t *testing.T, open Opener) {
	s := start(t, open)
	ctx := t.Context()
	at := time.Date(2026, 11, 20, 8, 0, 0, 1000, time.UTC)
	one := tourney.Audit{At: at, Token: "a", IP: "192.0.2.1", Action: "createSweep", Object: "/api/v1/sweeps", Status: 201}
	must(t, s.SaveAudit(ctx, one))
	must(t, s.SaveAudit(ctx, tourney.Audit{IP: "::1", Action: "createToken", Object: "/api/v1/tokens", Status: 401})) // now, by nobody
	got, err := s.Audits(ctx, 10)
	must(t, err)
	if len(got) != 2 || got[0].Action != "createToken" || got[0].Token != "" || time.Since(got[0].At) > time.Minute {
		t.Fatalf("audit %+v", got)
	}
	one.ID = got[1].ID
	if got[1] != one || got[0].ID <= got[1].ID {
		t.Errorf("read back %+v, want %+v", got[1], one)
	}
	var writers sync.WaitGroup
	for range 50 {
		writers.Go(func() {
			if err := s.SaveAudit(ctx, one); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	got, err = s.Audits(ctx, 1000)
	must(t, err)
	if len(got) != 52 || !slices.IsSortedFunc(got, func(a, b tourney.Audit) int { return int(b.ID - a.ID) }) {
		t.Errorf("%d entries, want 52, the newest first", len(got))
	}
	if got, err = s.Audits(ctx, 3); err != nil || len(got) != 3 || got[0].ID != got[2].ID+2 {
		t.Errorf("the newest three are %+v, %v", got, err)
	}
}

// An answer reads back whole, with the token that it is of or alone; a second
// of its key is refused, and so is the token then.
func testAnswers(t *testing.T, open Opener) {
	s := start(t, open)
	ctx := t.Context()
	_, err := s.Answer(ctx, [32]byte{1})
	wantError(t, err, tourney.ErrNotFound)
	first := tourney.Answer{Key: [32]byte{1}, Body: [32]byte{2, 31: 7}, Sealed: []byte{0, 1, 255}}
	must(t, s.SaveAnswer(ctx, first))
	second := tourney.Answer{Key: [32]byte{2}, Body: [32]byte{2}, Sealed: []byte{9}}
	must(t, s.SaveToken(ctx, issued("a", 1), [32]byte{1}, &second))
	for _, want := range []tourney.Answer{first, second} {
		if got, err := s.Answer(ctx, want.Key); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read back %v, %v, want %v", got, err, want)
		}
	}
	if err := s.SaveToken(ctx, issued("b", 1), [32]byte{1}, &second); err == nil {
		t.Error("a second answer of the same key is taken")
	}
	_, _, err = s.Token(ctx, "b")
	wantError(t, err, tourney.ErrNotFound)
}
