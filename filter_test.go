package tourney_test

import (
	"strings"
	"testing"

	"tourney"
)

// What a filter may say is a closed list; what it must not says why.
func TestParseTrialFilter(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "",
		"state:failed":                      "",
		"reason:oom,rung>=2,rung<9":         "",
		"rung:-1":                           "",
		"value>=-1e-3":                      "",
		"params.lr<0.1,params.a.b:x y":      "",
		"state:faild":                       `did you mean "failed"?`,
		"state>failed":                      "a state is compared by : alone",
		"reason:":                           "must be FIELD:VALUE",
		"rung>=x":                           "a rung is a whole number",
		"rung>=99999999999999999999":        "a rung is a whole number",
		"value:good":                        "only numbers are compared",
		"value<NaN":                         "only numbers are compared",
		"params.lr<inf":                     "only numbers are compared",
		"params.lr<a":                       "only numbers are compared",
		`params.a"b:1`:                      "must be FIELD:VALUE",
		"error:x":                           "must be FIELD:VALUE",
		"state:failed,":                     "must be FIELD:VALUE",
		"state:failed' OR 1=1 --":           "the states are",
		strings.Repeat("rung>0,", 16) + "a": "has 17 terms; at most 16",
	} {
		filter, err := tourney.ParseTrialFilter(text)
		switch {
		case want == "" && (err != nil || filter.String() != text):
			t.Errorf("%q: %q, %v", text, filter, err)
		case want != "" && (tourney.AsInvalid(err) == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
