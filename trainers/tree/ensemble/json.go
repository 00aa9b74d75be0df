package ensemble

import (
	"encoding/json"
	"fmt"

	"tourney/dataset"
)

// ensembleJSON is the JSON form of an ensemble.
type ensembleJSON struct {
	Outputs  int              `json:"outputs"`
	PerRound int              `json:"per_round"`
	Link     Link             `json:"link"`
	Average  bool             `json:"average,omitempty"`
	Base     []float64        `json:"base"`
	Weights  []float64        `json:"weights,omitempty"`
	Features *dataset.Binning `json:"features"`
	Trees    []*treeJSON      `json:"trees"`
}

// treeJSON is the JSON form of a tree. Nodes that are the exception are listed.
type treeJSON struct {
	Feature     []int32   `json:"feature,omitempty"`
	Bin         []int     `json:"bin,omitempty"` // a []uint8 would be base64
	Cats        []setJSON `json:"cats,omitempty"`
	MissingLeft []int     `json:"missing_left,omitempty"`
	Left        []int32   `json:"left,omitempty"`
	Right       []int32   `json:"right,omitempty"`
	Gain        []float64 `json:"gain,omitempty"`
	Value       []float64 `json:"value"`
	Weight      []float64 `json:"weight"`
	Count       []int32   `json:"count"`
}

// setJSON is the bins that go left at a node.
type setJSON struct {
	Node int   `json:"node"`
	Bins []int `json:"bins"`
}

// MarshalJSON writes an ensemble with its features. Numbers come back with the
// same bits.
func (e *Ensemble) MarshalJSON() ([]byte, error) {
	out := ensembleJSON{
		Outputs: e.Outputs, PerRound: e.PerRound, Link: e.Link, Average: e.Average,
		Base: e.Base, Weights: e.Weights, Features: e.Features, Trees: make([]*treeJSON, len(e.Trees)),
	}
	for i, t := range e.Trees {
		out.Trees[i] = t.toJSON()
	}
	return json.Marshal(&out)
}

// UnmarshalJSON reads what MarshalJSON wrote, and returns an error for what is
// no valid ensemble.
func (e *Ensemble) UnmarshalJSON(b []byte) error {
	var in ensembleJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("ensemble: %w", err)
	}
	read := Ensemble{
		Outputs: in.Outputs, PerRound: in.PerRound, Link: in.Link, Average: in.Average,
		Base: in.Base, Weights: in.Weights, Features: in.Features, Trees: make([]*Tree, len(in.Trees)),
	}
	for i, t := range in.Trees {
		if t == nil {
			return fmt.Errorf("ensemble: tree %d is null", i)
		}
		var err error
		if read.Trees[i], err = t.tree(); err != nil {
			return fmt.Errorf("ensemble: tree %d: %w", i, err)
		}
	}
	if err := read.Validate(); err != nil {
		return err
	}
	*e = read
	return nil
}

func (t *Tree) toJSON() *treeJSON {
	out := &treeJSON{
		Feature: t.Feature, Left: t.Left, Right: t.Right,
		Gain: t.Gain, Value: t.Value, Weight: t.Weight, Count: t.Count,
	}
	for node, bin := range t.Bin {
		out.Bin = append(out.Bin, int(bin))
		if t.MissingLeft[node] {
			out.MissingLeft = append(out.MissingLeft, node)
		}
		if set := t.Cats[node]; set != nil {
			out.Cats = append(out.Cats, setJSON{node, members(set)})
		}
	}
	return out
}

func (t *treeJSON) tree() (*Tree, error) {
	inner := len(t.Feature)
	out := &Tree{
		Feature: t.Feature, Bin: make([]uint8, inner), Cats: make([]*[4]uint64, inner), MissingLeft: make([]bool, inner),
		Left: t.Left, Right: t.Right, Gain: t.Gain, Value: t.Value, Weight: t.Weight, Count: t.Count,
	}
	if len(t.Bin) != inner {
		return nil, fmt.Errorf("%d bins for %d nodes", len(t.Bin), inner)
	}
	for node, bin := range t.Bin {
		if bin < 0 || bin >= maxBins {
			return nil, fmt.Errorf("node %d asks for bin %d", node, bin)
		}
		out.Bin[node] = uint8(bin)
	}
	for _, node := range t.MissingLeft {
		if node < 0 || node >= inner {
			return nil, fmt.Errorf("missing_left names node %d of %d", node, inner)
		}
		out.MissingLeft[node] = true
	}
	for _, c := range t.Cats {
		if c.Node < 0 || c.Node >= inner || out.Cats[c.Node] != nil {
			return nil, fmt.Errorf("cats names node %d, which is none or named twice", c.Node)
		}
		set := new([4]uint64)
		for _, bin := range c.Bins {
			if bin < 0 || bin >= maxBins {
				return nil, fmt.Errorf("node %d has the bin %d", c.Node, bin)
			}
			set[bin>>6] |= 1 << (bin & 63)
		}
		out.Cats[c.Node] = set
	}
	return out, nil
}

// members returns the bins of a set, rising.
func members(set *[4]uint64) []int {
	out := []int{}
	for bin := range maxBins {
		if set[bin>>6]>>(bin&63)&1 != 0 {
			out = append(out, bin)
		}
	}
	return out
}
