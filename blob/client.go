package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tourney"
)

const (
	tries   = 3                      // of one request, in all
	backoff = 200 * time.Millisecond // before the second try; four times as long before the third

	// attemptHeader carries an attempt's token: test shards are served to
	// those of final attempts alone.
	attemptHeader = "Tourney-Attempt"
)

// Client reads and writes the blobs of a coordinator. Its methods may be
// called from many goroutines.
type Client struct {
	base   string
	http   *http.Client
	bearer string
}

// NewClient returns a client of the coordinator at base, as in
// "https://host:8080". bearer is an API token, or empty. hc should have no
// overall timeout, which would cut long transfers; the contexts govern. nil
// means a client of its own.
//
// Redirects are not followed: they would carry the attempt's token to whoever
// they lead to.
func NewClient(base string, hc *http.Client, bearer string) *Client {
	own := http.Client{}
	if hc != nil {
		own = *hc
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{base: strings.TrimRight(base, "/"), http: &own, bearer: bearer}
}

// Open returns size bytes of a blob from offset; size < 0 means to its end.
// A blob that ends before that reads as io.ErrUnexpectedEOF. The token is
// needed for test shards alone. What is read is not hashed.
func (c *Client) Open(ctx context.Context, hash string, offset, size int64, token *tourney.Token) (io.ReadCloser, error) {
	if !IsHash(hash) {
		return nil, absent("open", hash)
	}
	if offset < 0 {
		return nil, fmt.Errorf("open blob %s: offset %d is negative", hash, offset)
	}
	if size == 0 {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	whole := offset == 0 && size < 0
	resp, err := c.do(ctx, func() (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url(hash), nil)
		if err != nil {
			return nil, err
		}
		if token != nil {
			req.Header.Set(attemptHeader, token.String())
		}
		if !whole {
			req.Header.Set("Range", byteRange(offset, size))
		}
		return req, nil
	})
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", hash, err)
	}
	body, err := part(resp, whole, offset, size)
	if err != nil {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("open blob %s: %w", hash, err)
	}
	return body, nil
}

// Put stores a blob and returns its hash.
func (c *Client) Put(ctx context.Context, data []byte) (string, error) {
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:])
	resp, err := c.do(ctx, func() (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.url(hash), bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/octet-stream")
		return req, nil
	})
	if err != nil {
		return "", fmt.Errorf("put blob %s: %w", hash, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusNoContent:
		return hash, nil
	}
	return "", fmt.Errorf("put blob %s: unexpected answer %s", hash, resp.Status)
}

func (c *Client) url(hash string) string { return c.base + "/api/v1/blobs/sha256/" + hash }

// do sends a request, again after a short while if the coordinator cannot be
// reached or is in trouble itself. Both requests of a Client may be repeated
// freely. The answer has a status below 400.
func (c *Client) do(ctx context.Context, build func() (*http.Request, error)) (*http.Response, error) {
	pause := backoff
	for try := 1; ; try++ {
		req, err := build()
		if err != nil {
			return nil, err
		}
		if c.bearer != "" {
			req.Header.Set("Authorization", "Bearer "+c.bearer)
		}
		resp, err := c.http.Do(req)
		if err == nil && resp.StatusCode < http.StatusBadRequest {
			return resp, nil
		}
		if err == nil {
			err = answer(resp)
		} else {
			err = fmt.Errorf("%w: %w", tourney.ErrUnavailable, err)
		}
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		if try == tries || !errors.Is(err, tourney.ErrUnavailable) {
			return nil, err
		}
		if cause := wait(ctx, pause); cause != nil {
			return nil, cause
		}
		pause *= 4
	}
}

// wait returns nil after d, or why the context ended before.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// answer turns an answer of 400 or above into an error and closes it.
func answer(resp *http.Response) error {
	defer resp.Body.Close()
	var kind error
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound:
		kind = tourney.ErrNotFound
	case code == http.StatusForbidden, code == http.StatusUnauthorized:
		kind = tourney.ErrRefused
	case code == http.StatusTooManyRequests, code >= http.StatusInternalServerError:
		kind = tourney.ErrUnavailable
	default:
		kind = errors.New(resp.Status)
	}
	if words := words(resp); words != "" {
		return fmt.Errorf("%w: %s", kind, words)
	}
	return fmt.Errorf("%w: the coordinator answers %s", kind, resp.Status)
}

// words returns what the coordinator says for itself: the detail or else the
// title of a problem document (RFC 9457).
func words(resp *http.Response) string {
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || media != "application/problem+json" {
		return ""
	}
	var problem struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&problem); err != nil {
		return ""
	}
	if problem.Detail != "" {
		return problem.Detail
	}
	return problem.Title
}

func byteRange(offset, size int64) string {
	from := "bytes=" + strconv.FormatInt(offset, 10) + "-"
	if size < 0 {
		return from
	}
	return from + strconv.FormatInt(offset+size-1, 10)
}

// part returns the bytes asked for, whether the coordinator has honoured the
// range or sent the whole blob, as HTTP allows it to.
func part(resp *http.Response, whole bool, offset, size int64) (io.ReadCloser, error) {
	switch {
	case whole && resp.StatusCode == http.StatusOK:
		return resp.Body, nil
	case whole:
		return nil, fmt.Errorf("unexpected answer %s", resp.Status)
	case resp.StatusCode == http.StatusPartialContent:
		want := "bytes " + strconv.FormatInt(offset, 10) + "-"
		if got := resp.Header.Get("Content-Range"); !strings.HasPrefix(got, want) {
			return nil, fmt.Errorf("asked for the range from %d, got %q", offset, got)
		}
	case resp.StatusCode == http.StatusOK:
		if _, err := io.CopyN(io.Discard, resp.Body, offset); errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("it ends before offset %d: %w", offset, io.ErrUnexpectedEOF)
		} else if err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("unexpected answer %s", resp.Status)
	}
	if size < 0 {
		return resp.Body, nil
	}
	return &exact{body: resp.Body, left: size}, nil
}

// exact reads so many bytes of a body, no more and no fewer.
type exact struct {
	body io.ReadCloser
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.body.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = nil
		if e.left > 0 {
			err = io.ErrUnexpectedEOF
		}
	}
	return n, err
}

func (e *exact) Close() error { return e.body.Close() }
