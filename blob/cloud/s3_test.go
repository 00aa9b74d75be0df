package cloud_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"tourney"
	"tourney/blob"
	"tourney/blob/blobtest"
	"tourney/blob/cloud"
)

const abcSum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-4

// fakeS3 is a server with one bucket, and what stands between it and its
// clients.
type fakeS3 struct {
	backend *s3mem.Backend
	url     string
	// meddle may answer a request itself, and says whether it did.
	meddle atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
	puts   atomic.Int64
}

func newS3(t *testing.T) *fakeS3 {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	f := &fakeS3{backend: s3mem.New()}
	if err := f.backend.CreateBucket("shards"); err != nil {
		t.Fatal(err)
	}
	inner := gofakes3.New(f.backend).Server()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := f.meddle.Load(); m != nil && (*m)(w, r) {
			return
		}
		if r.Method == http.MethodPut {
			f.puts.Add(1)
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	f.url = srv.URL
	return f
}

// between puts something between server and clients.
func (f *fakeS3) between(meddle func(http.ResponseWriter, *http.Request) bool) {
	f.meddle.Store(&meddle)
}

func (f *fakeS3) at(bucket string) string {
	return "s3://" + bucket + "?endpoint=" + f.url + "&s3ForcePathStyle=true"
}

func (f *fakeS3) open(t *testing.T, at string) *cloud.Bucket {
	t.Helper()
	return openURL(t, f.at(at))
}

func openURL(t *testing.T, url string) *cloud.Bucket {
	t.Helper()
	b, err := cloud.Open(t.Context(), url, cloud.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestS3(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return newS3(t).open(t, "shards") })
}

func TestS3WithPrefix(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return newS3(t).open(t, "shards/team a/data/") })
}

func TestBlobsLieWhereADirPutsThem(t *testing.T) {
	f := newS3(t)
	put(t, f.open(t, "shards/p"), "abc")
	object, err := f.backend.GetObject("shards", "p/sha256/ba/"+abcSum, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Contents.Close()
	if got, err := io.ReadAll(object.Contents); string(got) != "abc" || err != nil {
		t.Errorf("holds %q, %v", got, err)
	}
	other := f.open(t, "shards")
	if err := other.Walk(t.Context(), func(hash string, _ int64) error { return fmt.Errorf("%s is seen", hash) }); err != nil {
		t.Errorf("from another prefix: %v", err)
	}
}

func put(t *testing.T, b *cloud.Bucket, data string) {
	t.Helper()
	if _, _, err := b.Put(t.Context(), strings.NewReader(data)); err != nil {
		t.Fatal(err)
	}
}

// More than one part, so that it goes through a file and a multipart upload.
func TestLargeBlob(t *testing.T) {
	b := newS3(t).open(t, "shards")
	data := bytes.Repeat([]byte("0123456789abcdef"), 20<<20/16)
	hash, size, err := b.Put(t.Context(), bytes.NewReader(data))
	if err != nil || size != int64(len(data)) {
		t.Fatalf("Put = %s, %d, %v", hash, size, err)
	}
	f, _, err := b.Open(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if pos, err := f.Seek(-16, io.SeekEnd); err != nil || pos != size-16 {
		t.Errorf("Seek = %d, %v", pos, err)
	}
	if got, err := io.ReadAll(f); err != nil || string(got) != "0123456789abcdef" {
		t.Errorf("the end reads %q, %v", got, err)
	}
	if _, err := f.Seek(-1, io.SeekStart); err == nil {
		t.Error("a seek before the start is no error")
	}
}

func TestWhatIsThereIsNotSentAgain(t *testing.T) {
	f := newS3(t)
	b := f.open(t, "shards")
	put(t, b, "abc")
	before := f.puts.Load()
	put(t, b, "abc")
	if n := f.puts.Load() - before; n != 0 {
		t.Errorf("sent %d times", n)
	}
	f.damage(t, "abd")
	if err := b.Verify(t.Context(), abcSum); !errors.Is(err, blob.ErrCorrupt) {
		t.Errorf("Verify of a damaged blob: %v", err)
	}
	put(t, b, "abc") // heals it
	if err := b.Verify(t.Context(), abcSum); err != nil {
		t.Errorf("after another put: %v", err)
	}
}

// damage puts other bytes under the name of "abc".
func (f *fakeS3) damage(t *testing.T, data string) {
	t.Helper()
	if _, err := f.backend.PutObject("shards", "sha256/ba/"+abcSum, map[string]string{}, strings.NewReader(data), int64(len(data)), nil); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedBlobs(t *testing.T) {
	for _, data := range []string{"abd", "ab", "abcd", ""} {
		f := newS3(t)
		b := f.open(t, "shards")
		f.damage(t, data)
		r, _, err := b.Open(t.Context(), abcSum)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); !errors.Is(err, blob.ErrCorrupt) {
			t.Errorf("%q for abc reads as %v, want ErrCorrupt", data, err)
		}
		r.Close()
	}
}

func TestServerInTrouble(t *testing.T) {
	f := newS3(t)
	b := f.open(t, "shards")
	put(t, b, "abc")
	for name, do := range map[string]func() error{
		"get": func() error {
			r, _, err := b.Open(t.Context(), abcSum)
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.Copy(io.Discard, r)
			return err
		},
		"stat":   func() error { _, err := b.Stat(t.Context(), abcSum); return err },
		"put":    func() error { _, _, err := b.Put(t.Context(), strings.NewReader("xyz")); return err },
		"walk":   func() error { return b.Walk(t.Context(), func(string, int64) error { return nil }) },
		"delete": func() error { return b.Delete(t.Context(), abcSum) },
	} {
		put(t, b, "abc")
		var n atomic.Int64
		f.between(func(w http.ResponseWriter, _ *http.Request) bool {
			if n.Add(1) > 1 {
				return false
			}
			answer(w, http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
			return true
		})
		if err := do(); err != nil || n.Load() < 2 {
			t.Errorf("%s after one 503: %v, %d requests", name, err, n.Load())
		}
		f.meddle.Store(nil)
	}
}

// answer is an error as S3 sends it.
func answer(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
}

func TestServerThatStaysInTrouble(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	f := newS3(t)
	b := f.open(t, "shards")
	f.between(func(w http.ResponseWriter, _ *http.Request) bool {
		answer(w, http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
		return true
	})
	if _, err := b.Stat(t.Context(), abcSum); !errors.Is(err, tourney.ErrUnavailable) {
		t.Errorf("%v, want unavailable", err)
	}
}

// cut answers GETs of a blob with the right headers and only so many bytes.
func cut(data string, bytes int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, abcSum) {
			return false
		}
		from := 0
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
		if r.Header.Get("Range") != "" {
			w.WriteHeader(http.StatusPartialContent)
		}
		io.WriteString(w, data[from:min(len(data), from+bytes)])
		if from+bytes < len(data) {
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler) // the line goes dead
		}
		return true
	}
}

func TestLineGoesDeadInTheMiddle(t *testing.T) {
	f := newS3(t)
	b := f.open(t, "shards")
	for _, test := range []struct {
		bytes int
		whole bool
	}{{1, true}, {2, true}, {3, true}, {0, false}} {
		f.between(cut("abc", test.bytes))
		r, size, err := b.Open(t.Context(), abcSum)
		if err != nil {
			t.Fatal(err)
		}
		if size != 3 {
			t.Errorf("size %d", size)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if test.whole && (string(got) != "abc" || err != nil) {
			t.Errorf("%d bytes at a time: read %q, %v; want all, from several connections", test.bytes, got, err)
		}
		if !test.whole && !errors.Is(err, tourney.ErrUnavailable) {
			t.Errorf("%d bytes at a time: read %q, %v; want unavailable", test.bytes, got, err)
		}
	}
}

func TestMissingBucket(t *testing.T) {
	f := newS3(t)
	_, err := cloud.Open(t.Context(), f.at("elsewhere/p"), cloud.Options{})
	if !errors.Is(err, tourney.ErrNotFound) || !strings.Contains(err.Error(), "open s3://elsewhere/p: not found: there is no such bucket") {
		t.Errorf("%v", err)
	}
	b := f.open(t, "shards")
	f.between(func(w http.ResponseWriter, _ *http.Request) bool {
		answer(w, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
		return true
	})
	if _, _, err := b.Put(t.Context(), strings.NewReader("abc")); err == nil || !strings.Contains(err.Error(), "there is no such bucket") {
		t.Errorf("a put into a bucket that is gone: %v", err)
	}
}

func TestWrongCredentials(t *testing.T) {
	f := newS3(t)
	b := f.open(t, "shards")
	f.between(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusForbidden)
		} else {
			answer(w, http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
		}
		return true
	})
	_, err := cloud.Open(t.Context(), f.at("shards"), cloud.Options{})
	if !errors.Is(err, tourney.ErrRefused) || !strings.Contains(err.Error(), "InvalidAccessKeyId: The AWS Access Key Id you provided does not exist") {
		t.Errorf("open: %v", err)
	}
	if _, err := b.Stat(t.Context(), abcSum); !errors.Is(err, tourney.ErrRefused) || errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("stat: %v, want refused", err)
	}
	if _, _, err := b.Put(t.Context(), strings.NewReader("abc")); !errors.Is(err, tourney.ErrRefused) {
		t.Errorf("put: %v, want refused", err)
	}
}

func TestNoCredentials(t *testing.T) {
	f := newS3(t)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	if _, err := cloud.Open(t.Context(), f.at("shards"), cloud.Options{}); !errors.Is(err, tourney.ErrRefused) || !strings.Contains(err.Error(), "no credentials are found") {
		t.Errorf("%v", err)
	}
}

func TestNoRegion(t *testing.T) {
	newS3(t)
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	if _, err := cloud.Open(t.Context(), "s3://shards", cloud.Options{}); err == nil || !strings.Contains(err.Error(), "add ?region=") {
		t.Errorf("%v", err)
	}
}

func TestBucketInAnotherRegion(t *testing.T) {
	f := newS3(t)
	for code, status := range map[string]int{"PermanentRedirect": http.StatusMovedPermanently, "AuthorizationHeaderMalformed": http.StatusBadRequest} {
		f.between(func(w http.ResponseWriter, _ *http.Request) bool {
			answer(w, status, code, "expecting 'eu-west-1'")
			return true
		})
		_, err := cloud.Open(t.Context(), f.at("shards"), cloud.Options{})
		if err == nil || errors.Is(err, tourney.ErrNotFound) || !strings.Contains(err.Error(), "in another region") || !strings.Contains(err.Error(), "eu-west-1") {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestNoServer(t *testing.T) {
	f := newS3(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	srv := httptest.NewServer(nil)
	srv.Close()
	f.url = srv.URL
	if _, err := cloud.Open(t.Context(), f.at("shards"), cloud.Options{}); !errors.Is(err, tourney.ErrUnavailable) {
		t.Errorf("%v, want unavailable", err)
	}
}

func TestURLsThatAreNone(t *testing.T) {
	for url, words := range map[string]string{
		"shards":                          `scheme is ""`,
		"http://shards":                   "s3:// or gs:// is needed",
		"s3://":                           "names no bucket",
		"s3:///p":                         "names no bucket",
		"s3://shards:9000/p":              "names no bucket",
		"s3://key:secret@shards":          "credentials",
		"s3://shards/a/../b":              "prefix",
		"s3://shards/a//b":                "prefix",
		"s3://shards#x":                   "fragment",
		"s3://shards?regoin=x":            `unknown parameter "regoin"; did you mean "region"?`,
		"gs://shards?region=x":            `unknown parameter "region"`,
		"s3://shards?endpoint=minio:9000": "endpoint",
		"gs://shards?anonymous=perhaps":   "true or false",
		"s3://sha rds":                    "no URL",
	} {
		_, err := cloud.Open(t.Context(), url, cloud.Options{})
		if !errors.Is(err, tourney.ErrInvalid) || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v, want invalid with %q", url, err, words)
		}
	}
	for text, want := range map[string]bool{"s3://b": true, "gs://b/p": true, "/dir/s3": false, "https://b": false, "": false} {
		if cloud.IsURL(text) != want {
			t.Errorf("IsURL(%q) = %t", text, !want)
		}
	}
}
