package cloud

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the sum by which buckets tell whether they have the same bytes
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
)

// partBytes is how much of a blob is kept in memory and sent at a time.
const partBytes = 8 << 20

// spool holds a blob whose name is being found out.
type spool struct {
	hash string
	md5  []byte
	size int64
	head []byte   // all of it, if there is no file
	file *os.File // all of it
}

// spoolAll reads r to its end.
func spoolAll(ctx context.Context, r io.Reader, dir string) (_ *spool, err error) {
	s := &spool{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	name, check := sha256.New(), md5.New() //nolint:gosec // as above
	in := io.TeeReader(&reading{ctx, r}, io.MultiWriter(name, check))
	var head bytes.Buffer
	s.size, err = io.CopyN(&head, in, partBytes)
	switch {
	case errors.Is(err, io.EOF):
		s.head = head.Bytes()
	case err != nil:
		return nil, err
	default:
		if err := s.toFile(dir, head.Bytes(), in); err != nil {
			return nil, err
		}
	}
	s.hash, s.md5 = hex.EncodeToString(name.Sum(nil)), check.Sum(nil)
	return s, nil
}

func (s *spool) toFile(dir string, head []byte, rest io.Reader) error {
	var err error
	if s.file, err = os.CreateTemp(dir, "tourney-blob-"); err != nil {
		return err
	}
	// Without a name it cannot be left behind; where open files keep theirs,
	// close removes it.
	_ = os.Remove(s.file.Name())
	if _, err := s.file.Write(head); err != nil {
		return err
	}
	n, err := io.Copy(s.file, rest)
	s.size += n
	return err
}

// reader returns the blob from its beginning.
func (s *spool) reader() (io.Reader, error) {
	if s.file == nil {
		return bytes.NewReader(s.head), nil
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return s.file, err
}

func (s *spool) close() {
	if s.file != nil {
		// What was only kept to be sent need not be closed well.
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}

// reading stops when its context ends.
type reading struct {
	ctx context.Context
	r   io.Reader
}

func (r *reading) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
