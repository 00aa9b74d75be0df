package tourney

import (
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Terms say which workers train a sweep, and how many of them beside the other
// sweeps of their pool. They change when something is trained and never what
// comes of it under order fixed.
type Terms struct {
	Pool           string  // whose workers train it
	Weight         float64 // its share among the sweeps of its pool and priority
	Priority       int     // higher ones are served first, whatever the weights
	MaxConcurrency int     // the most attempts at a time; 0: no bound
}

// The bounds of what terms may say.
const (
	MaxWeight   = 1000
	MinWeight   = 0.001
	MaxPriority = 1000 // and -MaxPriority is the lowest
)

// Terms returns what the spec says, with what it leaves out.
func (s *Spec) Terms() Terms {
	t := Terms{s.Pool, s.Weight, s.Priority, s.MaxConcurrency}
	if t.Pool == "" {
		t.Pool = DefaultPool
	}
	if t.Weight == 0 {
		t.Weight = 1
	}
	return t
}

// TermsNow returns the terms that are in force.
func (s *Sweep) TermsNow() Terms {
	t := s.Spec.Terms()
	if s.Amended != nil {
		t = s.Amended.over(t)
	}
	return t
}

// over returns terms as the amendment changes them.
func (a *Amendment) over(t Terms) Terms {
	if a.Pool != "" {
		t.Pool = a.Pool
	}
	if a.Weight > 0 {
		t.Weight = a.Weight
	}
	if a.Priority != nil {
		t.Priority = *a.Priority
	}
	if a.MaxConcurrency != nil {
		t.MaxConcurrency = *a.MaxConcurrency
	}
	return t
}

// ChangesTerms reports whether the amendment says anything of terms.
func (a *Amendment) ChangesTerms() bool {
	return a.Pool != "" || a.Weight != 0 || a.Priority != nil || a.MaxConcurrency != nil
}

// CheckTerms returns what is wrong with the terms of an amendment for a sweep
// of that spec.
func (s *Spec) CheckTerms(a Amendment) []FieldError {
	other := Spec{Trainer: s.Trainer, Pool: a.Pool, Weight: a.Weight}
	if a.Priority != nil {
		other.Priority = *a.Priority
	}
	if a.MaxConcurrency != nil {
		other.MaxConcurrency = *a.MaxConcurrency
	}
	var fields []FieldError
	other.checkTerms(reportTo(&fields))
	return fields
}

var poolRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// CheckPool returns an error if a pool cannot have the name.
func CheckPool(name string) error {
	if poolRE.MatchString(name) {
		return nil
	}
	return Invalid("pool", "%q is no name of a pool: use at most 64 letters, digits, '_' and '-', a letter or digit first", name)
}

// maxRetention is about a hundred years, in seconds.
const maxRetention = 100 * 366 * 86_400

// checkTerms checks the keys that say who trains a sweep, for how long, and
// what becomes of it.
func (s *Spec) checkTerms(bad report) {
	if s.Pool != "" && !poolRE.MatchString(s.Pool) {
		bad("pool", "%q is no name of a pool: use at most 64 letters, digits, '_' and '-', a letter or digit first", s.Pool)
	}
	if s.Weight != 0 && !(s.Weight >= MinWeight && s.Weight <= MaxWeight) {
		bad("weight", "must be between %v and %v, not %v", MinWeight, MaxWeight, s.Weight)
	}
	if s.Priority < -MaxPriority || s.Priority > MaxPriority {
		bad("priority", "must be between -%d and %d, not %d", MaxPriority, MaxPriority, s.Priority)
	}
	if s.MaxConcurrency < 0 || s.MaxConcurrency > MaxTrials {
		bad("max_concurrency", "must be between 1 and %d, or 0 for no bound, not %d", MaxTrials, s.MaxConcurrency)
	}
	if s.Timeout != 0 && !(s.Timeout >= 1 && s.Timeout <= maxRetention) {
		bad("timeout", "must be at least a second, not %v s", s.Timeout)
	}
	if s.Retention != 0 && !(s.Retention >= 1 && s.Retention <= maxRetention) {
		bad("retention", "must be at least a second, not %v s", s.Retention)
	}
	if s.Webhook != "" {
		if err := checkWebhook(s.Webhook); err != "" {
			bad("webhook", "%s", err)
		}
	}
	if !s.External() {
		return
	}
	for _, key := range []struct {
		name string
		said bool
	}{
		{"pool", s.Pool != ""},
		{"weight", s.Weight != 0},
		{"priority", s.Priority != 0},
		{"max_concurrency", s.MaxConcurrency != 0},
		{"timeout", s.Timeout != 0},
	} {
		if key.said {
			bad(key.name, "means nothing to trainer external, which no worker trains; leave it out")
		}
	}
}

// checkWebhook says what is wrong with the address that is told of a sweep's
// end, or nothing.
func checkWebhook(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return "must be a URL, as https://example.org/hook"
	case u.Scheme != "https" && u.Scheme != "http":
		return "must begin with https:// or http://, not " + u.Scheme + ":"
	case u.User != nil:
		return "must not hold a user or a password: the request is signed instead"
	case len(text) > 2048:
		return "must have at most 2048 characters"
	}
	return ""
}

// reportTo returns a report that collects.
func reportTo(fields *[]FieldError) report {
	return func(path, format string, args ...any) {
		*fields = append(*fields, *fieldError(path, format, args...))
	}
}

func fieldError(path, format string, args ...any) *FieldError {
	return &Invalid(path, format, args...).Fields[0]
}

// ParseSpan reads a time: seconds, a Go duration as 1h30m, or days as 30d. It
// is more than 0.
func ParseSpan(text string) (seconds float64, ok bool) {
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d.Seconds(), true
	}
	unit := 1.0
	if days, cut := strings.CutSuffix(text, "d"); cut {
		text, unit = days, 86_400
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x > 0) || x*unit >= 1e12 || math.IsInf(x, 0) {
		return 0, false
	}
	return x * unit, true
}
