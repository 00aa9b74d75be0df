package shard

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"

	"tourney"
)

// PartRows is the number of consecutive rows that are summed as one part.
// Every shard but the last of its kind holds a whole number of parts.
const PartRows = 4096

const (
	format       = "2"
	maxParts     = 16       // of a shard
	sparseParts  = 4        // of a shard with a sparse column, whose rows may be long
	maxBytes     = 32 << 20 // of values, as long as that leaves a part
	numberBytes  = 8
	maxEntries   = 1<<31 - 1 // of a sparse column: what the offsets of a list can count
	maxWhole     = 1 << 53   // whole numbers up to here are float64s of their own
	noDictionary = "manifest"
)

// maxDictionary is the most bytes of levels that are repeated in each shard.
const maxDictionary = 64 << 10

// Use says what the rows of a shard are for. It is part of the bytes so that no
// sealed shard has the hash, and with it the name, of one that is not.
type Use string

// The two uses.
const (
	Train Use = "train" // rows to train and validate on
	Test  Use = "test"  // sealed rows
)

// Field is a column of a shard.
type Field struct {
	Name   string
	Kind   tourney.ColumnKind
	Levels []string // of a category
	Width  int      // of a sparse column: indices are below it
	Skip   bool     // Decode leaves its values out, which spares the reading
}

// Schema is what all shards of a dataset for one use share.
type Schema struct {
	Target string
	Use    Use
	Fields []Field
}

// Of returns the schema of a dataset's shards: all its columns, in order.
func Of(ds *tourney.Dataset, use Use) Schema {
	s := Schema{Target: ds.Target, Use: use, Fields: make([]Field, len(ds.Columns))}
	for i := range ds.Columns {
		c := &ds.Columns[i]
		s.Fields[i] = Field{Name: c.Name, Kind: c.Kind, Levels: c.Categories, Width: c.Width}
	}
	return s
}

// Only returns the schema with all fields skipped but those of that name.
func (s Schema) Only(names ...string) Schema {
	s.Fields = slices.Clone(s.Fields)
	for i := range s.Fields {
		s.Fields[i].Skip = !slices.Contains(names, s.Fields[i].Name)
	}
	return s
}

// RowsMax returns how many rows a shard holds at most: whole parts, fewer the
// wider the table.
func RowsMax(s Schema) int {
	parts := maxParts
	for i := range s.Fields {
		if s.Fields[i].Kind == tourney.Sparse {
			parts = sparseParts
		}
	}
	for parts > 1 && parts*PartRows*len(s.Fields)*numberBytes > maxBytes {
		parts /= 2
	}
	return parts * PartRows
}

// ErrSchema means that bytes are not a shard of that schema.
var ErrSchema = errors.New("the shard does not fit its manifest")

// Keys of the metadata in a shard's schema, and in that of a field.
const (
	metaFormat = "tourney.format"
	metaTarget = "tourney.target"
	metaKinds  = "tourney.kinds"  // a JSON list, one a column
	metaUse    = "tourney.rows"   // Train or Test
	metaLevels = "tourney.levels" // where the levels are if they are not in the shard
	metaWidth  = "tourney.width"
)

// metadata returns the metadata of the whole.
func (s *Schema) metadata() (arrow.Metadata, error) {
	kinds := make([]tourney.ColumnKind, len(s.Fields))
	for i := range s.Fields {
		kinds[i] = s.Fields[i].Kind
	}
	text, err := json.Marshal(kinds)
	if err != nil {
		return arrow.Metadata{}, err
	}
	return arrow.NewMetadata([]string{metaFormat, metaTarget, metaKinds, metaUse}, []string{format, s.Target, string(text), string(s.Use)}), nil
}

// metadata returns the metadata of a field.
func (f *Field) metadata() arrow.Metadata {
	switch {
	case f.Kind == tourney.Category && !f.inline():
		return arrow.NewMetadata([]string{metaLevels}, []string{noDictionary})
	case f.Kind == tourney.Sparse:
		return arrow.NewMetadata([]string{metaWidth}, []string{strconv.Itoa(f.Width)})
	}
	return arrow.Metadata{}
}

// inline reports whether the levels of a category are in the shard.
func (f *Field) inline() bool {
	bytes := 0
	for _, l := range f.Levels {
		bytes += len(l) + 4
	}
	return bytes <= maxDictionary
}

// codeType is the type of the codes of a category.
func (f *Field) codeType() arrow.DataType {
	switch n := len(f.Levels); {
	case !f.inline():
		return arrow.PrimitiveTypes.Int32
	case n <= 1<<7:
		return arrow.PrimitiveTypes.Int8
	case n <= 1<<15:
		return arrow.PrimitiveTypes.Int16
	}
	return arrow.PrimitiveTypes.Int32
}

var (
	dateType   = &arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"}
	entryType  = arrow.StructOf(arrow.Field{Name: "index", Type: arrow.PrimitiveTypes.Uint32}, arrow.Field{Name: "value", Type: arrow.PrimitiveTypes.Float32})
	sparseType = arrow.ListOfNonNullable(entryType)
)
