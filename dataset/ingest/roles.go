package ingest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tourney"
	"tourney/dataset/table"
)

// role is what a column is for, beside being learnt from.
type role int

const (
	roleNone role = iota
	roleTarget
	roleGroup
	roleTime
	roleWeight
	roleSplit // says which rows are test rows; dropped
	roleDrop
)

var roleNames = map[role]string{roleTarget: "target", roleGroup: "group", roleTime: "time", roleWeight: "weight", roleSplit: "split.column", roleDrop: "drop"}

// needed reports whether rows without a value are left out.
func (r role) needed() bool {
	return r == roleTarget || r == roleGroup || r == roleTime || r == roleWeight
}

// roles gives each column of a source its role, or says what is wrong with
// the request. It fills in the target.
func roles(req *tourney.DatasetRequest, fields []table.Field, hints table.Hints) ([]role, error) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	given := req.Target != ""
	if !given {
		req.Target = hints.Target
	}
	r := &roleReader{names: names, roles: make([]role, len(fields))}
	if req.Target == "" {
		r.bad("target", "is missing: name the column to be learnt; the table has %s", list(names))
	} else {
		r.assign("target", req.Target, roleTarget)
	}
	r.assign("group", req.Group, roleGroup)
	r.assign("time", req.Time, roleTime)
	r.assign("weight", req.Weight, roleWeight)
	r.assign("split.column", req.Split.Column, roleSplit)
	for i, name := range req.Drop {
		if at := r.find(fmt.Sprintf("drop[%d]", i), name); at >= 0 && r.roles[at] != roleDrop {
			r.assign(fmt.Sprintf("drop[%d]", i), name, roleDrop)
		}
	}
	sparse := -1
	for i, f := range fields {
		switch {
		case f.Type != table.Sparse || r.roles[i] == roleDrop:
		case r.roles[i] != roleNone:
			r.bad(roleNames[r.roles[i]], "column %s holds sparse vectors, which are only to be learnt from", quote(f.Name))
		case sparse >= 0:
			r.bad("drop", "columns %s and %s both hold sparse vectors, of which one is taken; drop the other", quote(names[sparse]), quote(f.Name))
		default:
			sparse = i
		}
	}
	r.types(req.Types, fields)
	if req.Group != "" && req.Time != "" {
		r.bad("time", "does not go with group: rows are kept together by group or in order of time; name one of them")
	}
	if len(r.errs) > 0 {
		return nil, &tourney.InvalidError{Fields: r.errs}
	}
	return r.roles, nil
}

type roleReader struct {
	names []string
	roles []role
	errs  []tourney.FieldError
}

func (r *roleReader) bad(path, format string, args ...any) {
	r.errs = append(r.errs, tourney.FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
}

// find returns the position of a column, or says that there is none.
func (r *roleReader) find(path, name string) int {
	at := slices.Index(r.names, name)
	if at < 0 {
		hint := tourney.DidYouMean(name, r.names)
		if len(r.names) == 1 && strings.ContainsAny(r.names[0], ",;\t|") {
			hint = "; are the columns told apart as you meant?"
		}
		r.bad(path, "there is no column %s%s; the table has %s", quote(name), hint, list(r.names))
	}
	return at
}

func (r *roleReader) assign(path, name string, to role) {
	if name == "" {
		return
	}
	at := r.find(path, name)
	if at < 0 {
		return
	}
	if was := r.roles[at]; was != roleNone {
		r.bad(path, "column %s is named as %s already; a column has one role", quote(name), roleNames[was])
		return
	}
	r.roles[at] = to
}

// types checks the types given against what the source holds.
func (r *roleReader) types(types map[string]tourney.ColumnType, fields []table.Field) {
	names := make([]string, 0, len(types))
	for name := range types {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		path := "types." + shorten(name)
		at := r.find(path, name)
		if at < 0 {
			continue
		}
		t := types[name]
		if text := wrongType(t, fields[at].Type, r.roles[at]); text != "" {
			r.bad(path, "%s", text)
		}
	}
}

// wrongType says why a column cannot be of a type, if so.
func wrongType(t tourney.ColumnType, from table.Type, as role) string {
	from = min(from, table.Sparse)
	kinds := map[table.Type][]tourney.ColumnKind{
		table.Text:   {tourney.Number, tourney.Category, tourney.Boolean, tourney.Date, tourney.Text},
		table.Number: {tourney.Number, tourney.Category, tourney.Boolean, tourney.Date, tourney.Text},
		table.Bool:   {tourney.Boolean, tourney.Number, tourney.Category},
		table.Time:   {tourney.Date, tourney.Number},
		table.Sparse: {tourney.Sparse},
	}[from]
	switch as {
	case roleTarget:
		kinds = without(kinds, tourney.Text)
	case roleGroup:
		kinds = without(kinds, tourney.Boolean, tourney.Date)
	case roleTime:
		kinds = without(kinds, tourney.Boolean, tourney.Category, tourney.Text)
	case roleWeight:
		kinds = without(kinds, tourney.Boolean, tourney.Category, tourney.Text, tourney.Date)
	case roleSplit, roleDrop:
		return "the column is not kept, so it has no type"
	}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	if !slices.Contains(kinds, t.Kind) {
		return fmt.Sprintf("%q must be %s for this column%s", t.Kind, strings.Join(names, ", "), tourney.DidYouMean(string(t.Kind), names))
	}
	if len(t.Levels) > 0 && t.Kind != tourney.Category {
		return "levels go with kind category alone"
	}
	if len(t.Levels) > maxLevels {
		return fmt.Sprintf("%s levels are given; at most %s are taken", grouped(len(t.Levels)), grouped(maxLevels))
	}
	seen := map[string]bool{}
	for i, level := range t.Levels {
		switch {
		case strings.TrimSpace(level) != level || level == "":
			return fmt.Sprintf("levels[%d] is %s; values are compared without white space around them, and an empty one is missing", i, strconv.Quote(level))
		case seen[level]:
			return fmt.Sprintf("levels[%d], %s, is there twice", i, quote(level))
		}
		seen[level] = true
	}
	return ""
}

func without(kinds []tourney.ColumnKind, no ...tourney.ColumnKind) []tourney.ColumnKind {
	var rest []tourney.ColumnKind
	for _, k := range kinds {
		if !slices.Contains(no, k) {
			rest = append(rest, k)
		}
	}
	return rest
}
