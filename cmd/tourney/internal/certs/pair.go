package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// lookEvery is how often the files may be looked at.
const lookEvery = time.Second

// expiresSoon is when the log begins to say that a certificate will expire.
const expiresSoon = 30 * 24 * time.Hour

// Pair is a certificate with its key, read again when their files change. It is
// safe for use by many goroutines.
type Pair struct {
	certFile, keyFile string
	log               *slog.Logger

	mu     sync.Mutex
	cert   *tls.Certificate
	read   [2]stamp // of the files, when they were read
	looked time.Time
}

// stamp tells a file from another of its name.
type stamp struct {
	at   time.Time
	size int64
}

// Open reads a certificate and its key.
func Open(certFile, keyFile string, log *slog.Logger) (*Pair, error) {
	p := &Pair{certFile: certFile, keyFile: keyFile, log: log}
	stamps, err := p.stamps()
	if err != nil {
		return nil, err
	}
	if err := p.load(stamps); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Pair) stamps() (s [2]stamp, err error) {
	for i, name := range []string{p.certFile, p.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return s, fmt.Errorf("read certificate: %w", err)
		}
		s[i] = stamp{info.ModTime(), info.Size()}
	}
	return s, nil
}

// load reads the files; the caller holds mu or is alone.
func (p *Pair) load(stamps [2]stamp) error {
	cert, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return fmt.Errorf("read certificate %s with key %s: %w", p.certFile, p.keyFile, err)
	}
	p.cert, p.read, p.looked = &cert, stamps, time.Now()
	if left := time.Until(cert.Leaf.NotAfter); left < expiresSoon {
		p.log.Warn("the TLS certificate expires soon, or has", "file", p.certFile, "expires", cert.Leaf.NotAfter)
	}
	return nil
}

// current returns the certificate as it is in the files. One that cannot be
// read leaves the one before in place: both files may be half replaced.
func (p *Pair) current() *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.looked) < lookEvery {
		return p.cert
	}
	p.looked = time.Now()
	stamps, err := p.stamps()
	if err == nil && stamps != p.read {
		if err = p.load(stamps); err == nil {
			p.log.Info("the TLS certificate was read again", "file", p.certFile, "expires", p.cert.Leaf.NotAfter)
		}
	}
	if err != nil {
		p.log.Warn("the TLS certificate stays the one of before", "error", err)
	}
	return p.cert
}

// Config is how a server speaks TLS with the certificate.
func (p *Pair) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.current(), nil },
	}
}

// Covers reports whether the certificate is for a host.
func (p *Pair) Covers(host string) bool { return p.leaf().VerifyHostname(host) == nil }

// Name returns a name that the certificate is for, rather one that other
// machines know; empty if it has none.
func (p *Pair) Name() string {
	names := namesOf(p.leaf())
	local := func(name string) bool {
		return name == "localhost" || name == "127.0.0.1" || name == "::1" || name[0] == '*'
	}
	if i := slices.IndexFunc(names, func(n string) bool { return !local(n) }); i >= 0 {
		return names[i]
	}
	if len(names) > 0 && names[0][0] != '*' {
		return names[0]
	}
	return ""
}

func (p *Pair) leaf() *x509.Certificate { return p.current().Leaf }
