package tourney

import (
	"fmt"
	"slices"
	"strings"
)

// Conditional reports whether some parameter has a part in some points only.
func (s Space) Conditional() bool {
	return slices.ContainsFunc(s, func(p Param) bool { return len(p.When) > 0 })
}

// Order returns the places of the parameters in an order in which each comes
// after those that its conditions name, and otherwise by place. It is false,
// and some are left out, if there is none: conditions go round, or name what is
// not there.
func (s Space) Order() ([]int, bool) {
	order := make([]int, 0, len(s))
	taken := make([]bool, len(s))
	for len(order) < len(s) {
		next := slices.IndexFunc(s, func(p Param) bool {
			i := s.index(p.Name)
			return !taken[i] && !slices.ContainsFunc(p.When, func(c Condition) bool {
				j := s.index(c.Param)
				return j < 0 || !taken[j]
			})
		})
		if next < 0 {
			return order, false
		}
		taken[next] = true
		order = append(order, next)
	}
	return order, true
}

func (s Space) index(name string) int {
	return slices.IndexFunc(s, func(p Param) bool { return p.Name == name })
}

// Active reports whether the parameter has a part in a point, of which those
// that its conditions name are known.
func (p *Param) Active(point Params) bool {
	for _, c := range p.When {
		v, ok := point[c.Param]
		if !ok || !slices.ContainsFunc(c.Values, func(w any) bool { return sameValue(v, w) }) {
			return false
		}
	}
	return true
}

// Size returns how many points the space has, or 0 if it is not finite, has
// more than 2^62, or has conditions in too many ways to count.
func (s Space) Size() int64 { return s.count((*Param).Cells, (*Param).at) }

// GridSize returns how many points a grid search over the space has; 0 as Size.
func (s Space) GridSize() int64 { return s.count((*Param).GridCells, (*Param).GridValue) }

// at returns the i-th of the Cells of a parameter that conditions name: one of
// a list or of a range of whole numbers.
func (p *Param) at(i int64) any {
	if p.Distribution == CategoricalProbs {
		return p.possible()[i]
	}
	return p.GridValue(i)
}

// maxBranches bounds the combinations of values of the parameters that
// conditions name.
const maxBranches = 100_000

// count adds up the sizes of the branches: the combinations of values of the
// parameters that conditions name.
func (s Space) count(cells func(*Param) (int64, bool), value func(*Param, int64) any) int64 {
	order, ok := s.Order()
	if !ok {
		return 0
	}
	named := map[string]bool{}
	for i := range s {
		for _, c := range s[i].When {
			named[c.Param] = true
		}
	}
	branches := 0
	point := Params{}
	var walk func(at int, size int64) int64
	walk = func(at int, size int64) int64 {
		if at == len(order) {
			branches++
			return size
		}
		p := &s[order[at]]
		if !p.Active(point) {
			return walk(at+1, size)
		}
		n, ok := cells(p)
		if !ok || n <= 0 || branches > maxBranches {
			return 0
		}
		if !named[p.Name] {
			if size > (1<<62)/n {
				return 0
			}
			return walk(at+1, size*n)
		}
		total := int64(0)
		for i := range n {
			point[p.Name] = value(p, i)
			part := walk(at+1, size)
			delete(point, p.Name)
			if part == 0 || total > 1<<62-part {
				return 0
			}
			total += part
		}
		return total
	}
	return walk(0, 1)
}

// checkConditions returns what is wrong with the conditions of a space whose
// parameters are right by themselves.
func (s Space) checkConditions() []FieldError {
	var errs []FieldError
	bad := func(p *Param, format string, args ...any) {
		errs = append(errs, FieldError{Path: "parameters." + p.Name + ".when", Message: fmt.Sprintf(format, args...)})
	}
	names := make([]string, len(s))
	for i := range s {
		names[i] = s[i].Name
	}
	for i := range s {
		p := &s[i]
		for _, c := range p.When {
			q := s.Lookup(c.Param)
			switch {
			case c.Param == p.Name:
				bad(p, "a parameter cannot depend on itself")
			case q == nil:
				bad(p, "there is no parameter %q%s", c.Param, DidYouMean(c.Param, names))
			case len(c.Values) == 0:
				bad(p, "lists no value of %s", c.Param)
			default:
				q.checkCondition(c, func(format string, args ...any) { bad(p, format, args...) })
			}
		}
	}
	if len(errs) == 0 {
		if order, ok := s.Order(); !ok {
			errs = append(errs, FieldError{Path: "parameters", Message: "conditions go round: " + s.circle(order)})
		}
	}
	return errs
}

// checkCondition checks that the values of a condition on p are values of p.
func (p *Param) checkCondition(c Condition, bad func(format string, args ...any)) {
	switch p.Distribution {
	case Constant, Categorical, CategoricalProbs, Ordinal, IntUniform:
	default:
		bad("%s is a range without single values; a condition needs a list of values or whole numbers", p.Name)
		return
	}
	for _, v := range c.Values {
		if message := p.Refuses(v); message != "" {
			bad("%s %s", p.Name, message)
		}
	}
}

// circle names parameters whose conditions go round, given those that can be
// put in order.
func (s Space) circle(order []int) string {
	left := func(c Condition) bool { return !slices.Contains(order, s.index(c.Param)) }
	at := slices.IndexFunc(s, func(p Param) bool { return slices.ContainsFunc(p.When, left) })
	var names []string
	for !slices.Contains(names, s[at].Name) {
		names = append(names, s[at].Name)
		at = s.index(s[at].When[slices.IndexFunc(s[at].When, left)].Param)
	}
	names = names[slices.Index(names, s[at].Name):]
	return strings.Join(append(names, names[0]), " needs ")
}
