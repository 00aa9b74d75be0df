package account

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"tourney"
	"tourney/bus"
)

// CredentialTTL is how long a worker's credential is good for.
const CredentialTTL = time.Hour

// What one worker's connection may have at most.
const (
	maxSubs    = 1000    // a worker has a handful
	maxPayload = 1 << 20 // bytes; bus.MaxBody and headers
)

// Options say which account workers are let into.
type Options struct {
	URL     string        // of the NATS servers, for workers
	KeyFile string        // holds the seed of the account's key, or of a signing key of it
	Account string        // public key of the account; may be empty if the key is the account's own
	TTL     time.Duration // of credentials; 0: CredentialTTL
}

// Gate signs the users of workers. Its methods may be called from many
// goroutines.
type Gate struct {
	url     string
	account string // empty: the key is the account's own
	signer  nkeys.KeyPair
	ttl     time.Duration
}

// Open reads a signing key. It returns a *tourney.InvalidError if the file holds
// none, or the account is no account's public key.
func Open(o Options) (*Gate, error) {
	text, err := os.ReadFile(o.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the account's signing key: %w", err)
	}
	defer clear(text)
	signer, err := nkeys.FromSeed(bytes.TrimSpace(text))
	if err != nil {
		return nil, tourney.Invalid("nats-signing-key", "%s holds no seed (%v); a line that begins with SA is one", o.KeyFile, err)
	}
	own, err := signer.PublicKey()
	if err != nil || !nkeys.IsValidPublicAccountKey(own) {
		return nil, tourney.Invalid("nats-signing-key", "%s holds the key of something else than an account; its seed begins with SA", o.KeyFile)
	}
	g := &Gate{url: o.URL, signer: signer, ttl: o.TTL}
	if g.ttl <= 0 {
		g.ttl = CredentialTTL
	}
	if o.Account == "" || o.Account == own {
		return g, nil
	}
	if !nkeys.IsValidPublicAccountKey(o.Account) {
		return nil, tourney.Invalid("nats-account", "%q is no account's public key; those begin with A", o.Account)
	}
	g.account = o.Account
	return g, nil
}

// Admit makes a credential for a worker of the request's pool, which ends with the
// request's token. One that was made before stays good until its own end.
func (g *Gate) Admit(worker string, req tourney.EnrolRequest) (tourney.Enrolment, error) {
	if err := bus.CheckToken("worker", worker); err != nil {
		return tourney.Enrolment{}, err
	}
	if err := bus.CheckToken("pool", req.Pool); err != nil {
		return tourney.Enrolment{}, err
	}
	expires := time.Now().Add(g.ttl)
	if !req.Until.IsZero() && req.Until.Before(expires) {
		expires = req.Until
	}
	token, seed, err := g.sign(worker, func(u *jwt.UserClaims) {
		publish, subscribe := bus.Permissions(worker, req.Pool)
		u.Pub.Allow.Add(publish...)
		u.Sub.Allow.Add(subscribe...)
		u.NatsLimits = jwt.NatsLimits{Subs: maxSubs, Data: jwt.NoLimit, Payload: maxPayload}
		u.Expires = expires.Unix()
	})
	if err != nil {
		return tourney.Enrolment{}, err
	}
	credentials, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		return tourney.Enrolment{}, fmt.Errorf("make a NATS credential: %w", err)
	}
	return tourney.Enrolment{
		Worker: worker, NATS: g.url, User: worker, Credentials: string(credentials),
		Expires: time.Unix(expires.Unix(), 0), Inbox: bus.Inbox(worker), Pool: req.Pool,
	}, nil
}

// Expel does nothing: see the package's comment.
func (g *Gate) Expel(string) error { return nil }

// Connect is bus.Connect as a user of its own, which may do everything in the
// account and whose key never leaves this process.
func (g *Gate) Connect(url string, logger *slog.Logger, opts ...nats.Option) (*nats.Conn, error) {
	token, seed, err := g.sign("tourney coordinator", func(*jwt.UserClaims) {})
	if err != nil {
		return nil, err
	}
	return bus.Connect(url, logger, append(opts, nats.UserJWTAndSeed(token, string(seed)))...)
}

// sign makes a user that connects by the plain protocol, and returns it with the
// seed of its key.
func (g *Gate) sign(name string, limit func(*jwt.UserClaims)) (token string, seed []byte, err error) {
	user, err := nkeys.CreateUser()
	if err != nil {
		return "", nil, fmt.Errorf("make a NATS user: %w", err)
	}
	public, err := user.PublicKey()
	if err != nil {
		return "", nil, fmt.Errorf("make a NATS user: %w", err)
	}
	claims := jwt.NewUserClaims(public)
	claims.Name, claims.IssuerAccount = name, g.account
	claims.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard)
	limit(claims)
	if token, err = claims.Encode(g.signer); err != nil {
		return "", nil, fmt.Errorf("sign a NATS user: %w", err)
	}
	if seed, err = user.Seed(); err != nil {
		return "", nil, fmt.Errorf("make a NATS user: %w", err)
	}
	return token, seed, nil
}
