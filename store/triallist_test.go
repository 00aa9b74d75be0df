package store_test

import (
	"fmt"
	"strings"
	"testing"

	"tourney"
	"tourney/store"
)

// Every order of trials is that of an index: nothing is sorted, and a page
// begins where the one before ended.
func TestTrialOrdersAreIndexed(t *testing.T) {
	s := start(t)
	indexes := map[string][]string{
		"number":   {"sqlite_autoindex_trials_1 (sweep=?"},
		"state":    {"trials_state (sweep=?"},
		"rung":     {"trials_rung (sweep=?"},
		"value":    {"trials_value (sweep=? AND ", "trials_value (sweep=? AND value=?"},
		"duration": {"trials_duration (sweep=?", "trials_state (sweep=?"},
	}
	seeks := map[string][]string{
		"number":   {"number"},
		"state":    {"(state,number)"},
		"rung":     {"(rung,number)"},
		"value":    {"(value,number)", "number"},
		"duration": {"(duration,number)", "number"},
	}
	for _, field := range tourney.TrialSorts() {
		for _, sort := range []string{field, "-" + field} {
			for _, next := range []bool{false, true} {
				for i, query := range store.TrialQueries(tourney.TrialSort(sort), nil, next) {
					query = strings.ReplaceAll("EXPLAIN QUERY PLAN SELECT error FROM trials t "+query, "?", "1")
					var plan []struct {
						ID, Parent, Notused int
						Detail              string
					}
					if err := s.ReadPool().Select(&plan, query); err != nil {
						t.Fatalf("%s: %v", query, err)
					}
					text := fmt.Sprint(plan)
					few := strings.TrimPrefix(field, "-") == "duration" && i == 1 // trials that have not ended
					if !strings.Contains(text, indexes[field][i]) || strings.Contains(text, "TEMP B-TREE") != few || len(plan) != 1 && !few {
						t.Errorf("%s: %s", query, text)
					}
					if next && !few && !strings.Contains(text, seeks[field][i]+">") && !strings.Contains(text, seeks[field][i]+"<") {
						t.Errorf("%s does not begin after the last row: %s", query, text)
					}
				}
			}
		}
	}
}
