package cloud_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tourney"
	"tourney/blob"
	"tourney/blob/blobtest"
	"tourney/blob/cloud"
)

// fakeGCS answers the part of Cloud Storage's JSON API that is used: list,
// get, download with ranges, delete, and uploads in one request or several.
type fakeGCS struct {
	url    string
	meddle atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]

	mu      sync.Mutex
	objects map[string][]byte
	uploads map[string]*upload
}

// upload is one that comes in parts.
type upload struct {
	name string
	data []byte
}

func newGCS(t *testing.T) *fakeGCS {
	t.Helper()
	f := &fakeGCS{objects: map[string][]byte{}, uploads: map[string]*upload{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /storage/v1/b/shards/o", f.list)
	mux.HandleFunc("GET /storage/v1/b/shards/o/{name...}", f.get)
	mux.HandleFunc("DELETE /storage/v1/b/shards/o/{name...}", f.delete)
	mux.HandleFunc("POST /upload/storage/v1/b/shards/o", f.begin)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "The specified bucket does not exist. "+r.Method+" "+r.URL.Path)
	})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := f.meddle.Load(); m != nil && (*m)(w, r) {
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	f.url = srv.URL
	return f
}

func (f *fakeGCS) at(bucket string) string {
	return "gs://" + bucket + "?anonymous=true&endpoint=" + f.url
}

// refuse is an error as Cloud Storage sends it.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": status, "message": message}})
}

// resource describes an object.
func resource(name string, data []byte) map[string]any {
	sum := md5.Sum(data)
	crc := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return map[string]any{
		"kind": "storage#object", "bucket": "shards", "name": name, "generation": "1", "metageneration": "1",
		"size": strconv.Itoa(len(data)), "md5Hash": base64.StdEncoding.EncodeToString(sum[:]),
		"crc32c":      base64.StdEncoding.EncodeToString([]byte{byte(crc >> 24), byte(crc >> 16), byte(crc >> 8), byte(crc)}),
		"contentType": "application/octet-stream", "updated": "2026-01-02T03:04:05Z", "etag": "x",
	}
}

func (f *fakeGCS) list(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	const page = 7
	var items []any
	next := ""
	for _, name := range slices.Sorted(maps.Keys(f.objects)) {
		if !strings.HasPrefix(name, r.FormValue("prefix")) || name <= r.FormValue("pageToken") {
			continue
		}
		if len(items) == page {
			break
		}
		items = append(items, resource(name, f.objects[name]))
		next = name
	}
	if len(items) < page {
		next = ""
	}
	json.NewEncoder(w).Encode(map[string]any{"kind": "storage#objects", "items": items, "nextPageToken": next})
}

func (f *fakeGCS) get(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := r.PathValue("name")
	data, ok := f.objects[name]
	if !ok {
		refuse(w, http.StatusNotFound, "No such object: shards/"+name)
		return
	}
	if r.FormValue("alt") != "media" {
		json.NewEncoder(w).Encode(resource(name, data))
		return
	}
	w.Header().Set("X-Goog-Generation", "1")
	w.Header().Set("Content-Type", "application/octet-stream")
	from := 0
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		w.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	}
	w.Write(data[from:])
}

func (f *fakeGCS) delete(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := r.PathValue("name")
	if _, ok := f.objects[name]; !ok {
		refuse(w, http.StatusNotFound, "No such object: shards/"+name)
		return
	}
	delete(f.objects, name)
	w.WriteHeader(http.StatusNoContent)
}

// begin takes an upload of one request, metadata and content, or starts one of
// several, or hands on to the next of these.
func (f *fakeGCS) begin(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("upload_id") {
		f.more(w, r)
		return
	}
	var meta struct{ Name, MD5Hash string }
	if r.URL.Query().Get("uploadType") == "resumable" {
		if err := json.NewDecoder(r.Body).Decode(&meta); err != nil {
			refuse(w, http.StatusBadRequest, err.Error())
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		id := strconv.Itoa(len(f.uploads))
		f.uploads[id] = &upload{name: meta.Name}
		w.Header().Set("Location", f.url+"/upload/storage/v1/b/shards/o?upload_id="+id)
		return
	}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	parts := multipart.NewReader(r.Body, params["boundary"])
	head, err := parts.NextPart()
	if err == nil {
		err = json.NewDecoder(head).Decode(&meta)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	body, err := parts.NextPart()
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	data, err := io.ReadAll(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if sum := md5.Sum(data); meta.MD5Hash != "" && meta.MD5Hash != base64.StdEncoding.EncodeToString(sum[:]) {
		refuse(w, http.StatusBadRequest, "Provided MD5 hash does not match")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[meta.Name] = data
	json.NewEncoder(w).Encode(resource(meta.Name, data))
}

// more takes a part of an upload: "bytes 0-99/*", and "/100" in the last.
func (f *fakeGCS) more(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	u := f.uploads[r.FormValue("upload_id")]
	u.data = append(u.data, data...)
	if strings.HasSuffix(r.Header.Get("Content-Range"), "/*") {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", len(u.data)-1))
		w.Header().Set("X-Http-Status-Code-Override", "308")
		w.WriteHeader(http.StatusOK)
		return
	}
	f.objects[u.name] = u.data
	json.NewEncoder(w).Encode(resource(u.name, u.data))
}

func TestGCS(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return openURL(t, newGCS(t).at("shards/team a")) })
}

func TestGCSLargeBlob(t *testing.T) {
	f := newGCS(t)
	b := openURL(t, f.at("shards"))
	data := strings.Repeat("0123456789abcdef", 20<<20/16)
	hash, _, err := b.Put(t.Context(), strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if string(f.objects["sha256/"+hash[:2]+"/"+hash]) != data {
		t.Error("the object is not what was put")
	}
	if err := b.Verify(t.Context(), hash); err != nil {
		t.Error(err)
	}
}

func TestGCSServerInTrouble(t *testing.T) {
	f := newGCS(t)
	b := openURL(t, f.at("shards"))
	var n atomic.Int64
	meddle := func(w http.ResponseWriter, _ *http.Request) bool {
		// Every other request fails.
		if n.Add(1)%2 == 0 {
			return false
		}
		refuse(w, http.StatusServiceUnavailable, "Backend Error")
		return true
	}
	f.meddle.Store(&meddle)
	put(t, b, "abc")
	if err := b.Verify(t.Context(), abcSum); err != nil {
		t.Error(err)
	}
}

func TestGCSLineGoesDeadInTheMiddle(t *testing.T) {
	f := newGCS(t)
	b := openURL(t, f.at("shards"))
	for _, bytes := range []int{1, 2} {
		meddle := cut("abc", bytes)
		f.meddle.Store(&meddle)
		r, _, err := b.Open(t.Context(), abcSum)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != "abc" || err != nil {
			t.Errorf("%d bytes at a time: read %q, %v", bytes, got, err)
		}
		r.Close()
	}
}

// A blob that may not be read is not one that is not there.
func TestGCSDeniedIsNotAbsent(t *testing.T) {
	f := newGCS(t)
	b := openURL(t, f.at("shards"))
	meddle := func(w http.ResponseWriter, _ *http.Request) bool {
		refuse(w, http.StatusForbidden, "Anonymous caller does not have storage.objects.get access")
		return true
	}
	f.meddle.Store(&meddle)
	for name, err := range map[string]error{
		"open":   second(b.Stat(t.Context(), abcSum)),
		"delete": b.Delete(t.Context(), abcSum),
		"verify": b.Verify(t.Context(), abcSum),
		"walk":   b.Walk(t.Context(), func(string, int64) error { return nil }),
	} {
		if !errors.Is(err, tourney.ErrRefused) || errors.Is(err, tourney.ErrNotFound) || !strings.Contains(err.Error(), "storage.objects.get") {
			t.Errorf("%s: %v, want refused", name, err)
		}
	}
}

func second(_ int64, err error) error { return err }

func TestGCSMissingBucket(t *testing.T) {
	_, err := cloud.Open(t.Context(), newGCS(t).at("elsewhere"), cloud.Options{})
	if !errors.Is(err, tourney.ErrNotFound) || !strings.Contains(err.Error(), "no such bucket") {
		t.Errorf("%v", err)
	}
}

func TestGCSNoCredentials(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", t.TempDir()+"/none.json")
	_, err := cloud.Open(t.Context(), "gs://shards", cloud.Options{})
	if !errors.Is(err, tourney.ErrRefused) || !strings.Contains(err.Error(), "no credentials are found") {
		t.Errorf("%v", err)
	}
}
