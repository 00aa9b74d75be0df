package intake_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"tourney"
	"tourney/api"
	"tourney/cmd/tourney/internal/intake"
)

// The classes of the IANA registries of special-purpose addresses, and the
// forms in which an address of IPv4 is written as one of IPv6.
func TestPublicAddresses(t *testing.T) {
	for _, text := range []string{"1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.255.255", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"} {
		if !intake.IsPublic(netip.MustParseAddr(text)) {
			t.Errorf("%s is public", text)
		}
	}
	for _, text := range []string{
		"127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255",
		"192.0.0.8", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
		"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001::1", "2001:db8::1", "100::1",
	} {
		if intake.IsPublic(netip.MustParseAddr(text)) {
			t.Errorf("%s is not public", text)
		}
	}
	if intake.IsPublic(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// site is a server on this machine that counts what reaches it.
type site struct {
	*httptest.Server
	host string
	hits atomic.Int64
}

func newSite(t *testing.T, serve http.HandlerFunc) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		serve(w, r)
	}))
	t.Cleanup(s.Close)
	s.host = strings.TrimPrefix(s.URL, "http://")
	return s
}

func serveFlowers(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(flowers)) }

func (r *rig) get(url string) error {
	r.Helper()
	files, err := r.Fetch(r.Context(), api.Place{URL: url}, silent)
	for _, f := range files {
		if data, err := os.ReadFile(f.Path); err != nil || string(data) != flowers || f.Name != "table.csv" {
			r.Errorf("%s: %s holds %q, %v", url, f.Name, data, err)
		}
		if err := f.Remove(); err != nil {
			r.Error(err)
		}
	}
	if err == nil && len(files) != 1 {
		r.Errorf("%s: %d files", url, len(files))
	}
	r.empty()
	return err
}

// No connection is made to this machine or a private network, whatever the
// name, the form of the address, or the way there.
func TestURLsLeadToPublicAddressesAlone(t *testing.T) {
	inner := newSite(t, serveFlowers)
	_, port, err := net.SplitHostPort(inner.host)
	if err != nil {
		t.Fatal(err)
	}
	hosts := []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "169.254.169.254", "10.0.0.1", "0.0.0.0", "0", "2130706433", "0x7f.1", "[fd00:ec2::254]", "127.1"}
	r := newRig(t, func(cfg *intake.Config) {
		cfg.Hosts = hosts
		for _, h := range hosts {
			cfg.Hosts = append(cfg.Hosts, h+":"+port)
		}
	})
	for _, h := range hosts {
		err := r.get("http://" + h + ":" + port + "/table.csv")
		switch {
		case err == nil:
			t.Errorf("%s: it was read", h)
		case !errors.Is(err, tourney.ErrRefused) && !errors.Is(err, tourney.ErrUnavailable): // a name that is none is not found
			t.Errorf("%s: %v", h, err)
		}
	}
	for _, h := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		if err := r.get("http://" + h + ":" + port + "/table.csv"); !errors.Is(err, tourney.ErrRefused) || !strings.Contains(err.Error(), "is not a public one") {
			t.Errorf("%s: %v", h, err)
		}
	}
	if inner.hits.Load() > 0 {
		t.Errorf("%d requests reached this machine", inner.hits.Load())
	}
}

func TestURLsOfListedHosts(t *testing.T) {
	inner := newSite(t, serveFlowers)
	var target string
	outer := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/table.csv":
			serveFlowers(w, r)
		case "/huge":
			w.Header().Set("Content-Length", "99999999999")
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		case "/missing":
			http.NotFound(w, r)
		default:
			http.Redirect(w, r, target, http.StatusFound)
		}
	})
	r := newRig(t, func(cfg *intake.Config) { cfg.Hosts = []string{outer.host, "169.254.169.254", "10.255.255.1"} })
	r.TrustLoopback()
	if err := r.get(outer.URL + "/table.csv"); err != nil {
		t.Error(err)
	}
	if err := r.get(inner.URL + "/table.csv"); !errors.Is(err, tourney.ErrRefused) || !strings.Contains(err.Error(), "--allow-url-host "+inner.host) {
		t.Errorf("a host that is not listed: %v", err)
	}
	user := *must(url.Parse(outer.URL + "/table.csv"))
	user.User = url.UserPassword("a", "b")
	for text, want := range map[string]error{
		user.String(): tourney.ErrRefused, "ftp://" + outer.host + "/table.csv": tourney.ErrInvalid, "file:///etc/passwd": tourney.ErrInvalid,
		"gopher://" + outer.host: tourney.ErrInvalid, "http://": tourney.ErrInvalid, "": tourney.ErrInvalid, "s3://bucket/t.csv": tourney.ErrRefused,
		"http://127.0.0.1.example/": tourney.ErrRefused, "http://example.com#@" + outer.host + "/": tourney.ErrRefused, "http://[::1": tourney.ErrInvalid,
		outer.URL + "/huge": tourney.ErrInvalid, outer.URL + "/endless": tourney.ErrInvalid, outer.URL + "/missing": tourney.ErrInvalid,
	} {
		if err := r.get(text); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	target = outer.URL + "/table.csv"
	if files, err := r.Fetch(t.Context(), api.Place{URL: outer.URL + "/moved"}, silent); err != nil || len(files) != 1 {
		t.Errorf("a redirect to a listed host: %v", err)
	} else if err := files[0].Remove(); err != nil {
		t.Error(err)
	}
	before := inner.hits.Load()
	for to, want := range map[string]error{
		inner.URL + "/table.csv": tourney.ErrRefused, "http://169.254.169.254/latest/meta-data/": tourney.ErrRefused, "http://10.255.255.1/": tourney.ErrRefused,
		"file:///etc/passwd": tourney.ErrRefused, "s3://bucket/t.csv": tourney.ErrRefused, outer.URL + "/again": tourney.ErrInvalid, "http://a:b@" + outer.host + "/table.csv": tourney.ErrRefused,
	} {
		target = to
		if err := r.get(outer.URL + "/moved"); !errors.Is(err, want) {
			t.Errorf("a redirect to %s: %v, want %v", to, err, want)
		}
	}
	if inner.hits.Load() != before {
		t.Errorf("%d requests reached a host that is not listed", inner.hits.Load()-before)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAProxyOfTheEnvironmentIsNotAsked(t *testing.T) {
	proxy := newSite(t, serveFlowers)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	r := newRig(t, func(cfg *intake.Config) { cfg.Hosts = []string{"169.254.169.254"} })
	if err := r.get("http://169.254.169.254/table.csv"); !errors.Is(err, tourney.ErrRefused) {
		t.Error(err)
	}
	if proxy.hits.Load() > 0 {
		t.Error("the proxy was asked")
	}
}

func TestObjectsOfListedBuckets(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	backend := s3mem.New()
	for _, name := range []string{"tables", "others"} {
		if err := backend.CreateBucket(name); err != nil {
			t.Fatal(err)
		}
		if _, err := backend.PutObject(name, "2026/table.csv", nil, strings.NewReader(flowers), int64(len(flowers)), nil); err != nil {
			t.Fatal(err)
		}
	}
	srv := httptest.NewServer(gofakes3.New(backend).Server())
	defer srv.Close()
	r := newRig(t, func(cfg *intake.Config) {
		cfg.Hosts = []string{"s3://tables?endpoint=" + srv.URL + "&s3ForcePathStyle=true"}
	})
	if err := r.get("s3://tables/2026/table.csv"); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]error{
		"s3://others/2026/table.csv": tourney.ErrRefused, "gs://tables/2026/table.csv": tourney.ErrRefused, "s3://tables/nothing.csv": tourney.ErrNotFound,
		"s3://tables/": tourney.ErrInvalid, "s3://tables/2026/table.csv?endpoint=http://169.254.169.254": tourney.ErrRefused, "s3://tables/../others/2026/table.csv": tourney.ErrInvalid,
	} {
		if err := r.get(text); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	for name, cfg := range map[string]intake.Config{
		"no directory": {Dirs: []string{"/nowhere/at/all"}}, "a file": {Dirs: []string{os.Args[0]}},
		"a URL": {Hosts: []string{"http://example.com"}}, "a path": {Hosts: []string{"example.com/data"}}, "nothing": {Hosts: []string{""}},
		"a port alone": {Hosts: []string{":80"}}, "a prefix of a bucket": {Hosts: []string{"s3://bucket/prefix"}},
	} {
		if _, err := intake.New(cfg); !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
