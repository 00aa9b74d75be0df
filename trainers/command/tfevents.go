package command

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"tourney"
)

// EventReader reads the scalars of a TensorBoard event file as it grows: what
// a file holds, in pieces of any size, goes into Feed.
//
// The file is a row of TFRecords: the length of the data (8 bytes, little
// endian), its checksum (4 bytes), the data, their checksum (4 bytes). The
// checksums are CRC-32C, rotated by 15 and offset, as TensorFlow's
// lib/hash/crc32c.h has it. The data are an Event in protocol buffers' wire
// format.
type EventReader struct {
	pending []byte
	failed  error
}

// maxRecord is the largest record that is read, in bytes. Images and graphs are
// of that size, scalars never.
const maxRecord = 64 << 20

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errEvents  = errors.New("not an event file")
)

func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// Feed takes the next bytes of the file and returns the scalars of the records
// that they complete. After an error the file is not read any further.
func (r *EventReader) Feed(b []byte) ([]Observation, error) {
	if r.failed != nil {
		return nil, r.failed
	}
	r.pending = append(r.pending, b...)
	var all []Observation
	for len(r.pending) >= 12 {
		size := binary.LittleEndian.Uint64(r.pending)
		if binary.LittleEndian.Uint32(r.pending[8:]) != masked(r.pending[:8]) {
			r.failed = fmt.Errorf("%w: the length of a record does not have its checksum", errEvents)
			break
		}
		if size > maxRecord {
			r.failed = fmt.Errorf("%w: a record of %d bytes; at most %d are read", errEvents, size, maxRecord)
			break
		}
		if uint64(len(r.pending)) < size+16 {
			break
		}
		data := r.pending[12 : 12+size]
		if binary.LittleEndian.Uint32(r.pending[12+size:]) != masked(data) {
			r.failed = fmt.Errorf("%w: a record does not have its checksum", errEvents)
			break
		}
		found, err := readEvent(data)
		if err != nil {
			r.failed = fmt.Errorf("%w: %w", errEvents, err)
			break
		}
		all = append(all, found...)
		r.pending = r.pending[16+size:]
	}
	if r.failed != nil {
		r.pending = nil
	}
	r.pending = append([]byte(nil), r.pending...) // lets go of what was read
	return all, r.failed
}

// The field numbers of tensorflow/core/util/event.proto, summary.proto and
// tensor.proto that are read.
const (
	eventStep, eventSummary               = 2, 5
	summaryValue                          = 1
	valueTag, valueSimple, valueTensor    = 1, 2, 8
	tensorType, tensorContent             = 1, 4
	tensorFloat, tensorDouble             = 5, 6
	tensorInt, tensorInt64                = 7, 10
	typeFloat, typeDouble, typeInt32      = 1, 2, 3
	typeInt64                             = 9
	wireVarint, wire64, wireBytes, wire32 = 0, 1, 2, 5
)

// readEvent returns the scalars of an event, each by itself.
func readEvent(b []byte) ([]Observation, error) {
	step := 0
	var values []tourney.Metrics
	err := fields(b, func(field int, f wire) error {
		switch {
		case field == eventStep && f.kind == wireVarint:
			step = int(int64(f.number))
		case field == eventSummary && f.kind == wireBytes:
			return fields(f.bytes, func(field int, f wire) error {
				if field != summaryValue || f.kind != wireBytes {
					return nil
				}
				tag, v, ok, err := readValue(f.bytes)
				if ok {
					values = append(values, tourney.Metrics{tag: v})
				}
				return err
			})
		}
		return nil
	})
	all := make([]Observation, 0, len(values))
	for _, v := range values {
		all = append(all, Observation{Step: step, HasStep: true, Metrics: v})
	}
	return all, err
}

// readValue reads a Summary.Value: a simple value, as TensorFlow 1 and PyTorch
// write it, or a tensor of one element, as TensorFlow 2 does.
func readValue(b []byte) (tag string, v float64, ok bool, err error) {
	err = fields(b, func(field int, f wire) error {
		switch {
		case field == valueTag && f.kind == wireBytes:
			tag = string(f.bytes)
		case field == valueSimple && f.kind == wire32:
			v, ok = float64(math.Float32frombits(uint32(f.number))), true
		case field == valueTensor && f.kind == wireBytes:
			var terr error
			v, ok, terr = readTensor(f.bytes)
			return terr
		}
		return nil
	})
	return tag, v, ok && tag != "", err
}

// readTensor reads a TensorProto of one number.
func readTensor(b []byte) (v float64, ok bool, err error) {
	kind := uint64(0)
	var content []byte
	err = fields(b, func(field int, f wire) error {
		switch field {
		case tensorType:
			kind = f.number
		case tensorContent:
			content = f.bytes
		case tensorFloat:
			v, ok = one(f, 4, func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) })
		case tensorDouble:
			v, ok = one(f, 8, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) })
		case tensorInt, tensorInt64:
			if n, size := binary.Uvarint(f.bytes); f.kind == wireBytes {
				v, ok = float64(int64(n)), size > 0 && size == len(f.bytes)
			} else {
				v, ok = float64(int64(f.number)), f.kind == wireVarint
			}
		}
		return nil
	})
	switch {
	case err != nil || ok:
	case kind == typeFloat && len(content) == 4:
		v, ok = float64(math.Float32frombits(binary.LittleEndian.Uint32(content))), true
	case kind == typeDouble && len(content) == 8:
		v, ok = math.Float64frombits(binary.LittleEndian.Uint64(content)), true
	case kind == typeInt32 && len(content) == 4:
		v, ok = float64(int32(binary.LittleEndian.Uint32(content))), true
	case kind == typeInt64 && len(content) == 8:
		v, ok = float64(int64(binary.LittleEndian.Uint64(content))), true
	}
	return v, ok, err
}

// one reads a repeated field that holds one number, packed or not.
func one(f wire, size int, read func([]byte) float64) (float64, bool) {
	b := f.bytes
	if f.kind == wire32 || f.kind == wire64 {
		b = binary.LittleEndian.AppendUint64(nil, f.number)[:size]
	}
	if len(b) != size {
		return 0, false
	}
	return read(b), true
}

// wire is the value of a field.
type wire struct {
	kind   int
	number uint64
	bytes  []byte
}

var errWire = errors.New("an event ends inside a field")

// fields walks a message in wire format.
func fields(b []byte, visit func(field int, f wire) error) error {
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 {
			return errWire
		}
		b = b[n:]
		f := wire{kind: int(key & 7)}
		var size int
		switch f.kind {
		case wireVarint:
			if f.number, n = binary.Uvarint(b); n <= 0 {
				return errWire
			}
			size = n
		case wire64:
			if size = 8; len(b) >= size {
				f.number = binary.LittleEndian.Uint64(b)
			}
		case wire32:
			if size = 4; len(b) >= size {
				f.number = uint64(binary.LittleEndian.Uint32(b))
			}
		case wireBytes:
			length, n := binary.Uvarint(b)
			if n <= 0 || length > uint64(len(b)-n) {
				return errWire
			}
			size = n + int(length)
			f.bytes = b[n:size]
		default:
			return fmt.Errorf("field type %d", f.kind)
		}
		if size > len(b) {
			return errWire
		}
		b = b[size:]
		if err := visit(int(key>>3), f); err != nil {
			return err
		}
	}
	return nil
}
