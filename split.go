package tourney

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// DefaultTestShare is the share of a table's rows that is sealed as test rows.
const DefaultTestShare = 0.2

// The ways to choose test rows.
const (
	SplitRandom SplitKind = "random" // of each class its share; without classes, of all rows
	SplitGroup  SplitKind = "group"  // whole groups
	SplitTime   SplitKind = "time"   // the latest rows
	SplitLast   SplitKind = "last"   // the last rows of the table
	SplitColumn SplitKind = "column" // the rows in which a column says so
	SplitFile   SplitKind = "file"   // the rows of the files that came as test files
)

// SplitKind is a way to choose test rows.
type SplitKind string

// Split says which rows of a new dataset are sealed as test rows. The zero
// Split leaves the choice to the table: its own test file if it has one, by
// groups or time if such a column is named, otherwise at random.
type Split struct {
	Kind   SplitKind `json:"kind,omitempty"`
	Test   float64   `json:"test,omitempty"`   // share of the rows, in (0, 0.9]; 0: DefaultTestShare
	Rows   int       `json:"rows,omitempty"`   // of SplitLast, instead of a share
	Column string    `json:"column,omitempty"` // of SplitColumn: true, 1, yes or "test" says so; it is dropped then
	Seed   uint64    `json:"seed,omitempty"`
}

// ParseSplit reads the short form of a split: "0.2", "group:0.2", "time:0.2",
// "last:0.2", "last:ROWS", "column:NAME" or "file".
func ParseSplit(text string) (Split, error) {
	kind, rest, given := strings.Cut(text, ":")
	if _, err := strconv.ParseFloat(kind, 64); err == nil && !given {
		kind, rest, given = "", kind, true // what the table suggests
	}
	s := Split{Kind: SplitKind(kind)}
	wrong := fmt.Errorf("%q is no split: give a share as 0.2, or group:0.2, time:0.2, last:0.2, last:ROWS, column:NAME, file", text)
	switch s.Kind {
	case SplitColumn:
		s.Column = rest
	case SplitFile:
		if given {
			return Split{}, wrong
		}
	case "", SplitRandom, SplitGroup, SplitTime, SplitLast:
		if !given {
			if kind == "" {
				return Split{}, wrong
			}
			break
		}
		var err error
		if s.Kind == SplitLast && !strings.Contains(rest, ".") {
			s.Rows, err = strconv.Atoi(rest)
		} else {
			s.Test, err = strconv.ParseFloat(rest, 64)
		}
		if err != nil || s.Test == 0 && s.Rows <= 0 {
			return Split{}, wrong
		}
	default:
		return Split{}, wrong
	}
	if fields := s.Check(); len(fields) > 0 {
		return Split{}, fmt.Errorf("%q is no split: %s %s", text, fields[0].Path, fields[0].Message)
	}
	return s, nil
}

// String returns the short form.
func (s Split) String() string {
	share := strconv.FormatFloat(s.Test, 'g', -1, 64)
	switch {
	case s.Kind == SplitColumn:
		return "column:" + s.Column
	case s.Kind == SplitFile:
		return string(s.Kind)
	case s.Rows > 0:
		return fmt.Sprintf("%s:%d", s.Kind, s.Rows)
	case s.Kind == "":
		return share
	}
	return string(s.Kind) + ":" + share
}

// Check returns what is wrong with the split, with paths relative to it.
func (s Split) Check() []FieldError {
	var errs []FieldError
	bad := func(path, format string, args ...any) {
		errs = append(errs, FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if s.Test != 0 && !(s.Test > 0 && s.Test <= 0.9) {
		bad("test", "must be greater than 0 and at most 0.9, not %v", s.Test)
	}
	switch s.Kind {
	case "", SplitRandom, SplitGroup, SplitTime, SplitLast, SplitFile:
		if s.Column != "" {
			bad("column", "goes with kind column alone")
		}
	case SplitColumn:
		if s.Column == "" {
			bad("column", "is missing: name the column that says which rows are test rows")
		}
		if s.Test != 0 {
			bad("test", "does not go with kind column, which says itself how many rows there are")
		}
	default:
		bad("kind", "%q must be random, group, time, last, column or file", s.Kind)
	}
	if s.Rows != 0 && (s.Kind != SplitLast || s.Test != 0 || s.Rows < 0) {
		bad("rows", "goes with kind last alone, instead of a share, and is at least 1")
	}
	return errs
}

// The ways to validate.
const (
	Holdout   ValidationKind = "holdout" // the last share of the rows
	KFold     ValidationKind = "kfold"   // each of k runs of the rows in turn
	GroupCut  ValidationKind = "group"   // as holdout, or with folds as kfold, cut between groups
	TimeOrder ValidationKind = "time"    // the latest share; with folds, each run after all before it
)

// ValidationKind is a way to validate.
type ValidationKind string

// Validation says which of the rows that are not test rows a trial is
// validated on. All are runs of the order in which the dataset keeps its rows.
type Validation struct {
	Kind     ValidationKind `json:"kind"`
	Fraction float64        `json:"fraction,omitempty"` // of the rows, where there are no folds
	Folds    int            `json:"folds,omitempty"`    // at least 2; 0: one cut
}

// String returns a text that equal validations share.
func (v Validation) String() string {
	if v.Folds > 0 {
		return fmt.Sprintf("%s:%dx", v.Kind, v.Folds)
	}
	return fmt.Sprintf("%s:%v", v.Kind, v.Fraction)
}

// normalise fills in the defaults.
func (v *Validation) normalise() {
	if v.Kind == "" {
		v.Kind = Holdout
	}
	switch {
	case v.Kind == KFold && v.Folds == 0:
		v.Folds = 5
	case v.Kind != KFold && v.Folds == 0 && v.Fraction == 0:
		v.Fraction = 0.2
	}
}

// Check returns what is wrong with a normalised validation, with paths
// relative to it.
func (v Validation) Check() []FieldError {
	var errs []FieldError
	bad := func(path, format string, args ...any) {
		errs = append(errs, FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	switch v.Kind {
	case Holdout, GroupCut, TimeOrder, KFold:
	default:
		bad("kind", "%q must be holdout, kfold, group or time", v.Kind)
		return errs
	}
	switch {
	case v.Kind == Holdout && v.Folds != 0:
		bad("folds", "does not go with kind holdout; use kind kfold")
	case v.Folds != 0 && v.Fraction != 0:
		bad("fraction", "does not go with folds")
	case v.Folds != 0 && (v.Folds < 2 || v.Folds > 100):
		bad("folds", "must be between 2 and 100, not %d", v.Folds)
	case v.Folds == 0 && !(v.Fraction > 0 && v.Fraction <= 0.9) || math.IsNaN(v.Fraction):
		bad("fraction", "must be greater than 0 and at most 0.9, not %v", v.Fraction)
	}
	return errs
}
