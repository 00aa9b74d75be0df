package natsd

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"tourney"
	"tourney/bus"
)

// coordinator is the coordinator's user name. The dot keeps it apart from
// workers' ids, which have none.
const coordinator = ".coordinator"

// CredentialTTL is how long a credential made by Admit outlives the last word
// of its worker.
const CredentialTTL = time.Hour

// Admit makes a credential for a worker of the request's pool, which ends with
// the request's token, and returns it with the address of the server.
func (s *Server) Admit(worker string, req tourney.EnrolRequest) (tourney.Enrolment, error) {
	k := key{Pool: req.Pool, TTL: CredentialTTL, Token: req.Token, Until: req.Until}
	password, err := s.grant(worker, k)
	if err != nil {
		return tourney.Enrolment{}, err
	}
	return tourney.Enrolment{
		Worker:   worker,
		NATS:     s.url,
		User:     worker,
		Password: password,
		Expires:  k.last(time.Now()),
		Inbox:    bus.Inbox(worker),
		Pool:     req.Pool,
	}, nil
}

// Grant makes a credential for a worker of a pool, which replaces an earlier
// one. It can be used for ttl, counted anew with each Renew. On this occasion
// credentials that have expired are dropped and their connections cut.
func (s *Server) Grant(worker, pool string, ttl time.Duration) (user, password string, err error) {
	password, err = s.grant(worker, key{Pool: pool, TTL: ttl})
	return worker, password, err
}

// grant makes a password for a key that has none, and keeps the key.
func (s *Server) grant(worker string, k key) (password string, err error) {
	if err := bus.CheckToken("worker", worker); err != nil {
		return "", err
	}
	if err := bus.CheckToken("pool", k.Pool); err != nil {
		return "", err
	}
	password = newSecret()
	k.Hash, k.Expires = hash(password), k.last(time.Now())
	old, err := s.keys.add(worker, k)
	s.cut(old)
	if err != nil {
		return "", fmt.Errorf("grant NATS credential: %w", err)
	}
	return password, nil
}

// Renew has a worker's credential last for its whole time from now on. It is
// called when the worker was heard, which is then connected and was let in: so
// even one that expired, say while the machine slept, is good again, unless it
// was dropped.
func (s *Server) Renew(worker string) {
	if err := s.keys.renew(worker); err != nil {
		s.log.Warn("renewed NATS credential not saved: it may be lost with this process", "worker", worker, "error", err)
	}
}

// Revoke ends a worker's credential and its connections.
func (s *Server) Revoke(worker string) error {
	conns, err := s.keys.remove(worker)
	s.cut(conns)
	if err != nil {
		return fmt.Errorf("revoke NATS credential: %w", err)
	}
	return nil
}

// Expel ends the credentials and the connections of all workers that enrolled
// with a token.
func (s *Server) Expel(token string) error {
	conns, err := s.keys.removeOf(token)
	s.cut(conns)
	if err != nil {
		return fmt.Errorf("revoke NATS credentials: %w", err)
	}
	return nil
}

// cut closes connections. Some may have ended long ago.
func (s *Server) cut(conns []uint64) {
	for _, id := range conns {
		_ = s.ns.DisconnectClientByID(id) // fails if it has ended
	}
}

// authenticator decides who may connect.
type authenticator struct{ s *Server }

// Check is called by the NATS server for each new connection.
func (a authenticator) Check(c server.ClientAuthentication) bool {
	given := c.GetOpts()
	if given.Username == coordinator {
		if subtle.ConstantTimeCompare([]byte(given.Password), []byte(a.s.secret)) != 1 {
			return false
		}
		c.RegisterUser(&server.User{Username: coordinator})
		return true
	}
	isOpen := func(id uint64) bool { return a.s.ns.GetClient(id) != nil }
	pool, until, ok := a.s.keys.open(given.Username, given.Password, c.GetID(), isOpen)
	if !ok {
		return false
	}
	publish, subscribe := bus.Permissions(given.Username, pool)
	c.RegisterUser(&server.User{
		Username:           given.Username,
		ConnectionDeadline: until,
		Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: publish},
			Subscribe: &server.SubjectPermission{Allow: subscribe},
		},
	})
	return true
}

// newSecret returns a password that cannot be guessed.
func newSecret() string { return rand.Text() }

// hash is what is kept of a password. Passwords are random, so that a plain
// hash gives nothing away.
func hash(password string) []byte {
	sum := sha256.Sum256([]byte(password))
	return sum[:]
}
