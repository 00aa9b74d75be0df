package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"tourney"
)

// The files of a directory.
const (
	CAFile        = "ca.pem"
	CAKeyFile     = "ca-key.pem"
	ServerFile    = "server.pem"
	ServerKeyFile = "server-key.pem"
)

const (
	caLasts     = 10 * 365 * 24 * time.Hour
	serverLasts = 397 * 24 * time.Hour // browsers take no longer ones
	skew        = time.Hour            // by which clocks of other machines may be behind
)

// Made is what Init has made.
type Made struct {
	Names   []string  // of the server's certificate
	Expires time.Time // of the same
	NewCA   bool      // whoever trusted an earlier one has to be given this one
}

// Init makes a local authority in a directory, unless there is one, and has it
// sign a certificate for a server of these names and addresses. A server's
// certificate that is there already is a tourney.ErrConflict, unless force says
// to replace it; without names the new one has those of the old one, and
// without that those of this machine.
func Init(dir string, names []string, force bool) (Made, error) {
	old, err := readCertificate(filepath.Join(dir, ServerFile))
	switch {
	case err == nil && !force:
		return Made{}, fmt.Errorf("%w: %s is there already, valid until %s; say --force to replace it (the authority stays)",
			tourney.ErrConflict, filepath.Join(dir, ServerFile), old.NotAfter.Format(time.DateOnly))
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !force:
		return Made{}, fmt.Errorf("%w: %w; say --force to replace it", tourney.ErrConflict, err)
	case len(names) == 0 && err == nil:
		names = namesOf(old)
	case len(names) == 0:
		names = ownNames()
	}
	server, err := template(names)
	if err != nil {
		return Made{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Made{}, fmt.Errorf("make %s: %w", dir, err)
	}
	ca, caKey, fresh, err := authority(dir)
	if err != nil {
		return Made{}, err
	}
	if server.NotAfter.After(ca.NotAfter) {
		server.NotAfter = ca.NotAfter
	}
	if err := sign(dir, ServerFile, ServerKeyFile, server, ca, caKey); err != nil {
		return Made{}, err
	}
	return Made{Names: namesOf(server), Expires: server.NotAfter, NewCA: fresh}, nil
}

// ownNames are the names of this machine, as it knows them.
func ownNames() []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil && checkName(host) == nil && host != "localhost" {
		names = append(names, host)
	}
	return names
}

var dnsName = regexp.MustCompile(`^(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// checkName returns what is wrong with a name or address of a server.
func checkName(name string) error {
	if net.ParseIP(name) == nil && (len(name) > 253 || !dnsName.MatchString(name)) {
		return tourney.Invalid("--host", "%q is neither a name nor an address; give it without scheme and port, as in tourney.example.com or 192.0.2.7", name)
	}
	return nil
}

// template is the server's certificate before it is signed.
func template(names []string) (*x509.Certificate, error) {
	c := certificate("tourney server", serverLasts)
	c.KeyUsage = x509.KeyUsageDigitalSignature
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, name := range names {
		if err := checkName(name); err != nil {
			return nil, err
		}
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else if name = strings.ToLower(name); !slices.Contains(c.DNSNames, name) {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	return c, nil
}

// certificate is what both kinds have in common.
func certificate(name string, lasts time.Duration) *x509.Certificate {
	now := time.Now().UTC().Truncate(time.Second)
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // never fails
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"tourney"}},
		NotBefore: now.Add(-skew), NotAfter: now.Add(lasts), BasicConstraintsValid: true,
	}
}

func namesOf(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// authority returns the directory's, which it makes if there is none.
func authority(dir string) (ca *x509.Certificate, key *ecdsa.PrivateKey, fresh bool, err error) {
	ca, err = readCertificate(filepath.Join(dir, CAFile))
	if errors.Is(err, fs.ErrNotExist) {
		host, _ := os.Hostname()
		c := certificate("tourney authority of "+host, caLasts)
		c.IsCA, c.MaxPathLenZero = true, true
		c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		if err := sign(dir, CAFile, CAKeyFile, c, nil, nil); err != nil {
			return nil, nil, false, err
		}
		fresh = true
		ca, err = readCertificate(filepath.Join(dir, CAFile))
	}
	if err != nil {
		return nil, nil, false, err
	}
	keyFile := filepath.Join(dir, CAKeyFile)
	data, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, nil, false, fmt.Errorf("read the key of the authority: %w; without it nothing can be signed: bring it back, or use another directory", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, nil, false, fmt.Errorf("%s holds no key", keyFile)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, false, fmt.Errorf("read %s: %w", keyFile, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(ca.PublicKey) {
		return nil, nil, false, fmt.Errorf("%s is not the key of %s", keyFile, CAFile)
	}
	if time.Now().After(ca.NotAfter) {
		return nil, nil, false, fmt.Errorf("%s has expired on %s; use another directory, and give its %s to all who connect", filepath.Join(dir, CAFile), ca.NotAfter.Format(time.DateOnly), CAFile)
	}
	return ca, key, fresh, nil
}

// sign makes a key and a certificate of it, signed by ca or, if that is nil, by
// itself, and writes both.
func sign(dir, certFile, keyFile string, c, ca *x509.Certificate, caKey *ecdsa.PrivateKey) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	if ca == nil {
		ca, caKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, ca, &key.PublicKey, caKey)
	if err != nil {
		return fmt.Errorf("sign certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	// The key first: a certificate without its key would be of no use.
	if err := writePEM(filepath.Join(dir, keyFile), "PRIVATE KEY", secret, 0o600); err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, certFile), "CERTIFICATE", der, 0o644)
}

// writePEM writes a file whole or not at all.
func writePEM(name, kind string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*") // 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	err = pem.Encode(f, &pem.Block{Type: kind, Bytes: data})
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// readCertificate reads the first certificate of a file.
func readCertificate(name string) (*x509.Certificate, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s holds no certificate", name)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return c, nil
}
