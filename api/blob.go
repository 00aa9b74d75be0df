package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tourney"
	"tourney/api/gen"
)

// slowest is the rate below which the reader of a blob is cut off, in bytes a
// second.
const slowest = 64 << 10

// GetBlob serves a blob to who may read it.
func (s *Server) GetBlob(ctx context.Context, req gen.GetBlobRequestObject) (gen.GetBlobResponseObject, error) {
	var token *tourney.Token
	if text := req.Params.TourneyAttempt; text != nil {
		t, err := parseToken(*text)
		if err != nil {
			return nil, tourney.Invalid("Tourney-Attempt", "%v", err)
		}
		token = &t
	}
	if err := s.cfg.Service.MayRead(ctx, req.Hex, token); err != nil {
		return nil, err
	}
	blob, size, err := s.cfg.Blobs.Open(ctx, req.Hex)
	if err != nil {
		return nil, err
	}
	return &blobAnswer{blob: blob, size: size, hash: req.Hex, params: req.Params}, nil
}

// parseToken is the reverse of tourney.Token.String.
func parseToken(text string) (t tourney.Token, err error) {
	parts := strings.Split(text, "/")
	bad := fmt.Errorf("%s must be epoch/sweep/trial/attempt", quote(text))
	if len(parts) != 4 || parts[0] == "" || parts[1] == "" {
		return t, bad
	}
	t.Epoch, t.Sweep = parts[0], parts[1]
	var errTrial, errAttempt error
	t.Trial, errTrial = strconv.Atoi(parts[2])
	t.Attempt, errAttempt = strconv.Atoi(parts[3])
	if errTrial != nil || errAttempt != nil || t.String() != text {
		return t, bad
	}
	return t, nil
}

// blobAnswer writes a blob, or the range of it that was asked for.
type blobAnswer struct {
	blob   io.ReadSeekCloser
	size   int64
	hash   string
	params gen.GetBlobParams
}

// VisitGetBlobResponse writes the answer.
func (a *blobAnswer) VisitGetBlobResponse(w http.ResponseWriter) error {
	defer a.blob.Close()
	r := &http.Request{Method: http.MethodGet, Header: http.Header{}}
	for name, v := range map[string]*string{"Range": a.params.Range, "If-Range": a.params.IfRange, "If-None-Match": a.params.IfNoneMatch} {
		if v != nil {
			r.Header.Set(name, *v)
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("ETag", `"`+a.hash+`"`)
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	within := writeWithin + time.Duration(a.size/slowest)*time.Second
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(within)) //nolint:errcheck // not every writer has deadlines
	http.ServeContent(w, r, "", time.Time{}, a.blob)
	return nil
}

// PutBlob stores a blob under the hash that the path says. A body with another
// hash is refused before its end reaches the store, so nothing of it is kept.
func (s *Server) PutBlob(ctx context.Context, req gen.PutBlobRequestObject) (gen.PutBlobResponseObject, error) {
	body := &proved{src: req.Body, want: req.Hex, sum: sha256.New()}
	var stored string
	var size int64
	err := s.cfg.Service.Upload(ctx, req.Hex, func() (_ int64, err error) {
		stored, size, err = s.cfg.Blobs.Put(ctx, body)
		return size, err
	})
	if body.other != "" {
		return nil, failf(http.StatusUnprocessableEntity, tourney.ErrInvalid, "the body's SHA-256 is %s, not that of the path", body.other)
	}
	if err != nil {
		return nil, err
	}
	if stored != req.Hex {
		return nil, fmt.Errorf("put blob %s: the store names it %s", req.Hex, stored)
	}
	return gen.PutBlob201JSONResponse{Hash: stored, Size: size}, nil
}

// errOtherHash stops a store from keeping a blob.
var errOtherHash = errors.New("the blob has another hash")

// proved is a reader that ends well only if its bytes have the hash wanted.
type proved struct {
	src   io.Reader
	want  string
	sum   hash.Hash
	other string // the hash, if it is not the one wanted
}

func (p *proved) Read(b []byte) (int, error) {
	n, err := p.src.Read(b)
	p.sum.Write(b[:n])
	if errors.Is(err, io.EOF) {
		if got := hex.EncodeToString(p.sum.Sum(nil)); got != p.want {
			p.other = got
			return n, errOtherHash
		}
	}
	return n, err
}
