package read

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// boundedMemory refuses what a damaged or hostile file asks for: sizes stand in
// it as numbers.
type boundedMemory struct {
	memory.Allocator
	used, most int64
}

var errMemory = errors.New("a record batch is larger than the limit")

// Allocate panics above the bound; careful makes that an error.
func (m *boundedMemory) Allocate(size int) []byte {
	if size < 0 || m.used+int64(size) > m.most {
		panic(errMemory)
	}
	m.used += int64(size)
	return m.Allocator.Allocate(size)
}

// Reallocate panics above the bound.
func (m *boundedMemory) Reallocate(size int, b []byte) []byte {
	if size < 0 || m.used+int64(size-len(b)) > m.most {
		panic(errMemory)
	}
	m.used += int64(size - len(b))
	return m.Allocator.Reallocate(size, b)
}

// Free takes bytes back.
func (m *boundedMemory) Free(b []byte) {
	m.used -= int64(len(b))
	m.Allocator.Free(b)
}

// careful turns the panics of the Arrow library, which trusts what files say of
// their buffers, and its errors into ones for people.
func careful(file string, do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
		if err == nil || errors.Is(err, errEnd) || isInvalid(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return
		}
		text := err.Error()
		if strings.Contains(text, errMemory.Error()) || strings.Contains(text, "exceeds limit") {
			err = invalid(file, 0, "", "a record batch of the file is larger than the limit for one; write the file with smaller batches, or raise the limit")
			return
		}
		err = invalid(file, 0, "", "the Arrow data cannot be read (%s): the file is cut short or damaged", shorten(strings.ToValidUTF8(text, "?")))
	}()
	return do()
}
