package store_test

import (
	"strings"
	"testing"
	"time"

	"tourney"
	"tourney/store"
)

// Nobody who reaches the database by this program can bend the audit.
func TestTheAuditIsFinal(t *testing.T) {
	s, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.SaveAudit(t.Context(), tourney.Audit{At: time.Unix(1, 0), Action: "createSweep", Status: 201}); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`UPDATE audit SET status = 500`,
		`UPDATE audit SET id = 7`,
		`DELETE FROM audit`,
		`INSERT OR REPLACE INTO audit (id, at, token, ip, action, object, status) VALUES (1, 2, '', '', '', '', 0)`,
	} {
		if err := s.Exec(statement); err == nil || !strings.Contains(err.Error(), "audit is never changed") {
			t.Errorf("%s: %v, want that it is refused", statement, err)
		}
	}
	if got, err := s.Audits(t.Context(), 10); err != nil || len(got) != 1 || got[0].Status != 201 {
		t.Errorf("audit %+v, %v", got, err)
	}
}
