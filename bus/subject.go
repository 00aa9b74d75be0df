package bus

import (
	"fmt"
	"regexp"
	"strings"

	"tourney"
)

// The streams and their consumers. A pool's consumer is poolConsumer(pool).
const (
	offersStream  = "OFFERS"
	reportsStream = "REPORTS"
	recorder      = "recorder" // the one consumer of reportsStream
)

const (
	offersSubjects  = "tourney.offers.*.*"
	reportsSubjects = "tourney.reports.*"
	claimPrefix     = "tourney.claim."
	beatPrefix      = "tourney.beat."
	reportsPrefix   = "tourney.reports."
	controlPrefix   = "tourney.control."
)

// tokenForm is what may stand between two dots of a subject: nothing that is a
// wildcard, a separator or a space to NATS. The length keeps subjects short.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// CheckToken returns a *tourney.InvalidError if the value, which what names,
// cannot be part of a subject.
func CheckToken(what, value string) error {
	if tokenForm.MatchString(value) {
		return nil
	}
	return tourney.Invalid(what, "%q cannot be part of a subject: use 1 to 64 letters, digits, _ or -", value)
}

// Inbox returns the prefix of the subjects on which a worker takes replies.
func Inbox(worker string) string { return "_INBOX_" + worker }

// Permissions returns all that a worker may publish and subscribe to. It may
// pull and acknowledge offers of its pool and speak under its own id, and may
// change neither streams nor consumers.
func Permissions(worker, pool string) (publish, subscribe []string) {
	consumer := offersStream + "." + poolConsumer(pool)
	return []string{
		"$JS.API.CONSUMER.MSG.NEXT." + consumer,
		"$JS.API.CONSUMER.INFO." + consumer,
		"$JS.ACK." + consumer + ".>",
		claimPrefix + worker,
		beatPrefix + worker,
		reportsPrefix + worker,
	}, []string{
		Inbox(worker) + ".>",
		controlPrefix + worker,
	}
}

func poolConsumer(pool string) string { return "workers-" + pool }

func offerSubject(pool, sweep string) string {
	return fmt.Sprintf("tourney.offers.%s.%s", pool, sweep)
}

// sender returns the worker that a subject with that prefix names.
func sender(subject, prefix string) (worker string, ok bool) {
	worker, ok = strings.CutPrefix(subject, prefix)
	return worker, ok && tokenForm.MatchString(worker)
}

// isReplyOf reports whether a reply subject lies in the worker's inbox.
func isReplyOf(worker, reply string) bool {
	rest, ok := strings.CutPrefix(reply, Inbox(worker)+".")
	return ok && rest != ""
}
