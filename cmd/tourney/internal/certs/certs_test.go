package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/cmd/tourney/internal/certs"
)

func initiate(t *testing.T, dir string, force bool, names ...string) certs.Made {
	t.Helper()
	made, err := certs.Init(dir, names, force)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func read(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(data)
	if block == nil || len(rest) > 0 {
		t.Fatalf("%s is not one PEM block", name)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t *testing.T, dir string) *certs.Pair {
	t.Helper()
	p, err := certs.Open(filepath.Join(dir, certs.ServerFile), filepath.Join(dir, certs.ServerKeyFile), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Whoever trusts ca.pem, and nothing else, trusts the server under its names
// and under no other.
func TestTheAuthorityVouchesForTheServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	made := initiate(t, dir, false, "Tourney.example.com", "192.0.2.7", "::1", "tourney.example.com")
	if want := []string{"tourney.example.com", "192.0.2.7", "::1"}; !slices.Equal(made.Names, want) || !made.NewCA {
		t.Errorf("made %+v, want a new authority and %v", made, want)
	}
	ca, server := read(t, dir, certs.CAFile), read(t, dir, certs.ServerFile)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for name, ok := range map[string]bool{"tourney.example.com": true, "192.0.2.7": true, "::1": true, "localhost": false, "other.example.com": false} {
		if _, err := server.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); (err == nil) != ok {
			t.Errorf("as %s: %v, want trust: %v", name, err, ok)
		}
		if got := open(t, dir).Covers(name); got != ok {
			t.Errorf("covers %s: %v", name, got)
		}
	}
	if got := open(t, dir).Name(); got != "tourney.example.com" {
		t.Errorf("name %q", got)
	}
	for _, c := range []*x509.Certificate{ca, server} {
		if key, ok := c.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
			t.Errorf("%s has a key %T, want ECDSA P-256", c.Subject, c.PublicKey)
		}
	}
	if !ca.IsCA || server.IsCA || !ca.MaxPathLenZero {
		t.Errorf("authority: %v, server: %v", ca.IsCA, server.IsCA)
	}
	if days := time.Until(server.NotAfter).Hours() / 24; days < 390 || days > 398 {
		t.Errorf("the server's certificate lasts %.0f days; browsers take at most 398", days)
	}
	for name, mode := range map[string]os.FileMode{certs.CAFile: 0o644, certs.ServerFile: 0o644, certs.CAKeyFile: 0o600, certs.ServerKeyFile: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, %v, want %v", name, info.Mode(), err, mode)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 4 {
		t.Errorf("%d files, %v, want 4", len(entries), err)
	}
}

func TestRenewingKeepsTheAuthority(t *testing.T) {
	dir := t.TempDir()
	initiate(t, dir, false, "a.example.com")
	ca, old := read(t, dir, certs.CAFile), read(t, dir, certs.ServerFile)
	if _, err := certs.Init(dir, nil, false); !errors.Is(err, tourney.ErrConflict) || !strings.Contains(err.Error(), "--force") {
		t.Errorf("over an old one without force: %v", err)
	}
	made := initiate(t, dir, true)
	if made.NewCA || !slices.Equal(made.Names, []string{"a.example.com"}) {
		t.Errorf("made %+v, want the old authority and the old names", made)
	}
	fresh := read(t, dir, certs.ServerFile)
	if fresh.SerialNumber.Cmp(old.SerialNumber) == 0 || !read(t, dir, certs.CAFile).Equal(ca) {
		t.Error("the server's certificate is the old one, or the authority is not")
	}
	if err := fresh.CheckSignatureFrom(ca); err != nil {
		t.Error(err)
	}
	if got := initiate(t, dir, true, "b.example.com").Names; !slices.Equal(got, []string{"b.example.com"}) {
		t.Errorf("names %v, want those given", got)
	}
	if err := os.Remove(filepath.Join(dir, certs.CAKeyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := certs.Init(dir, nil, true); err == nil || !strings.Contains(err.Error(), certs.CAKeyFile) {
		t.Errorf("without the authority's key: %v", err)
	}
}

func TestOwnNames(t *testing.T) {
	made := initiate(t, t.TempDir(), false)
	for _, want := range []string{"localhost", "127.0.0.1", "::1"} {
		if !slices.Contains(made.Names, want) {
			t.Errorf("%s is not in %v", want, made.Names)
		}
	}
}

func TestBadNames(t *testing.T) {
	for _, bad := range []string{"", "https://a", "a:8080", "a b", "-a", "a..b", "[::1]", strings.Repeat("a", 64)} {
		dir := filepath.Join(t.TempDir(), "tls")
		if _, err := certs.Init(dir, []string{bad}, false); !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("%q: %v, want %q", bad, err, tourney.ErrInvalid)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%q: a directory was made all the same", bad)
		}
	}
}

// shown returns the serial number of the certificate that a client is shown.
func shown(t *testing.T, p *certs.Pair) string {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		s := tls.Server(server, p.Config())
		_ = s.Handshake()
		_ = s.Close()
	}()
	c := tls.Client(client, &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// A changed file is noticed without a restart; a broken one changes nothing.
func TestFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	initiate(t, dir, false, "a.example.com")
	synctest.Test(t, func(t *testing.T) {
		p := open(t, dir)
		first := shown(t, p)
		initiate(t, dir, true, "b.example.com", "c.example.com")
		time.Sleep(2 * time.Second)
		second := shown(t, p)
		if second == first || !p.Covers("b.example.com") || p.Covers("a.example.com") {
			t.Error("the certificate is still the one of before")
		}
		if err := os.WriteFile(filepath.Join(dir, certs.ServerFile), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if shown(t, p) != second {
			t.Error("a broken file changed the certificate")
		}
	})
}

func TestNoTLSBefore12(t *testing.T) {
	dir := t.TempDir()
	initiate(t, dir, false)
	config := open(t, dir).Config()
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		_ = tls.Server(server, config).Handshake()
		_ = server.Close()
	}()
	c := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err := c.Handshake(); err == nil {
		t.Error("TLS 1.1 is taken")
	}
}
