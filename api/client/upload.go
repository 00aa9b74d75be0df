package client

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"sync/atomic"

	"tourney"
)

// parts is a multipart/form-data body: a request and files, each of which is
// opened when its turn comes.
type parts struct {
	size    int64
	pieces  []piece
	current io.ReadCloser
	left    int64 // bytes of the current file
	sent    int64
	tell    func(int64)

	// broken says that a file could not be read, or is not as long as it was.
	// A request may still be sent when its answer is there.
	broken atomic.Pointer[error]
}

// piece is some bytes, or a file.
type piece struct {
	bytes []byte
	file  *File
}

func newParts(req tourney.DatasetRequest, files []File, tell func(int64)) (*parts, string, error) {
	if tell == nil {
		tell = func(int64) {}
	}
	p := &parts{tell: tell}
	var heads bytes.Buffer
	w := multipart.NewWriter(&heads)
	if err := w.SetBoundary(rand.Text() + rand.Text()); err != nil {
		return nil, "", err
	}
	ask, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="request"`}, "Content-Type": {"application/json"},
	})
	if err == nil {
		err = json.NewEncoder(ask).Encode(req)
	}
	if err != nil {
		return nil, "", fmt.Errorf("write request: %w", err)
	}
	flush := func() {
		p.pieces = append(p.pieces, piece{bytes: bytes.Clone(heads.Bytes())})
		p.size += int64(heads.Len())
		heads.Reset()
	}
	for i := range files {
		name := "file"
		if files[i].Test {
			name = "test"
		}
		if _, err := w.CreateFormFile(name, files[i].Name); err != nil { // of type application/octet-stream
			return nil, "", err
		}
		flush()
		p.pieces = append(p.pieces, piece{file: &files[i]})
		p.size += files[i].Size
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	flush()
	return p, w.FormDataContentType(), nil
}

// Read implements io.Reader.
func (p *parts) Read(b []byte) (int, error) {
	n, err := p.read(b)
	p.sent += int64(n)
	if n > 0 {
		p.tell(p.sent)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		p.broken.Store(&err)
	}
	return n, err
}

func (p *parts) read(b []byte) (int, error) {
	for len(p.pieces) > 0 {
		piece := &p.pieces[0]
		if piece.file == nil {
			if len(piece.bytes) > 0 {
				n := copy(b, piece.bytes)
				piece.bytes = piece.bytes[n:]
				return n, nil
			}
			p.pieces = p.pieces[1:]
			continue
		}
		if p.current == nil {
			var err error
			if p.current, err = piece.file.Open(); err != nil {
				return 0, fmt.Errorf("read dataset: %w", err)
			}
			p.left = piece.file.Size
		}
		n, err := p.current.Read(b[:min(int64(len(b)), p.left+1)])
		switch {
		case int64(n) > p.left, errors.Is(err, io.EOF) && int64(n) < p.left:
			return 0, fmt.Errorf("read dataset: %s has changed while it was read; try again", piece.file.Name)
		case errors.Is(err, io.EOF):
			if err := p.Close(); err != nil {
				return n, fmt.Errorf("read dataset: %w", err)
			}
			p.pieces = p.pieces[1:]
		case err != nil:
			return n, fmt.Errorf("read dataset: %w", err)
		}
		p.left -= int64(n)
		if n > 0 {
			return n, nil
		}
	}
	return 0, io.EOF
}

// Close closes the file that is open.
func (p *parts) Close() error {
	if p.current == nil {
		return nil
	}
	f := p.current
	p.current = nil
	return f.Close()
}
