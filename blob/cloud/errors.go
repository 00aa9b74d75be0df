package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"gocloud.dev/gcerrors"
	"google.golang.org/api/googleapi"

	"tourney"
	"tourney/blob"
)

// absent is the error for a blob that is not there.
func absent(op, hash string) error {
	if len(hash) > 80 {
		hash = hash[:80] + "…"
	}
	return fmt.Errorf("%s blob %q: %w", op, hash, tourney.ErrNotFound)
}

// explain turns an error of a service about a blob, or about the bucket if
// hash is empty, into one of ours.
func (b *Bucket) explain(ctx context.Context, op, hash string, err error) error {
	what := op + " " + b.name
	if hash != "" {
		what = op + " blob " + hash + " in " + b.name
	}
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s: %w", what, cause)
	}
	if errors.Is(err, blob.ErrCorrupt) {
		return fmt.Errorf("%s: %w", what, err)
	}
	status, words := answerOf(err)
	switch {
	// Before the code of the library, to which Google's 403 is a 404: a blob
	// that may not be read must not pass for one that is not there.
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Errorf("%s: %w: the bucket denies access (%s); the credentials found must be right and allow to list the bucket and to get, put and delete objects", what, tourney.ErrRefused, words)
	case hash == "" && (status == http.StatusNotFound || gcerrors.Code(err) == gcerrors.NotFound), strings.HasPrefix(words, "NoSuchBucket"):
		return fmt.Errorf("%s: %w: there is no such bucket", what, tourney.ErrNotFound)
	case status == http.StatusMovedPermanently || status == http.StatusPermanentRedirect || strings.HasPrefix(words, "AuthorizationHeaderMalformed"):
		return fmt.Errorf("%s: the bucket is in another region; add ?region=… to its URL: %s", what, words)
	case status == http.StatusNotFound || gcerrors.Code(err) == gcerrors.NotFound:
		return absent(op, hash)
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		return fmt.Errorf("%s: the bucket answers %d %s: %s", what, status, http.StatusText(status), words)
	case strings.Contains(words, "region"):
		return fmt.Errorf("%s: no region is known (%s); add ?region=… to the URL or set AWS_REGION", what, words)
	case strings.Contains(words, "credential"):
		return fmt.Errorf("%s: %w: no credentials are found: %s", what, tourney.ErrRefused, words)
	}
	return fmt.Errorf("%s: %w: %s", what, tourney.ErrUnavailable, words)
}

// answerOf returns the HTTP status that a service has answered, 0 if it has
// not, and what it says.
func answerOf(err error) (int, string) {
	var status interface{ HTTPStatusCode() int }
	var code interface {
		ErrorCode() string
		ErrorMessage() string
	}
	if google, ok := errors.AsType[*googleapi.Error](err); ok {
		words := google.Message
		if words == "" { // it comes so where a download is denied
			words = strings.TrimSpace(google.Body[:min(len(google.Body), 300)])
		}
		return google.Code, words
	}
	words := err.Error()
	if errors.As(err, &code) {
		words = strings.TrimSuffix(code.ErrorCode()+": "+code.ErrorMessage(), ": ")
	}
	if errors.As(err, &status) {
		return status.HTTPStatusCode(), words
	}
	return 0, words
}
