package gbdt

import (
	"fmt"
	"strings"

	"tourney/trainers/heat"
	"tourney/trainers/lap"
	"tourney/trainers/tree/bins"
	"tourney/trainers/tree/grow"
)

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

// settings is what the parameters of a trial come to, whatever its fold.
type settings struct {
	values      heat.Values
	config      grow.Config
	constraints string
	sampling    sampling
	dart        *dart // nil: no dropout
	rate        float64
	fromAverage bool
	seed        uint64

	key   string // equal for trials that train the same trees
	first string // equal for trials whose first gradients are the same
}

// beginnings are the parameters that the first gradients depend on.
var beginnings = []string{
	"alpha", "boost_from_average", "class_weight", "fair_c", "is_unbalance", "objective",
	"poisson_max_delta_step", "scale_pos_weight", "tweedie_variance_power",
}

func readSettings(t *lap.Trial, d *lap.Data) (*settings, error) {
	v := t.Values
	s := &settings{
		values: v, config: bins.Config(v), constraints: v.Word("monotone_constraints"),
		rate: v.Float("learning_rate"), fromAverage: v.Bool("boost_from_average"), seed: t.Job.Seed,
	}
	if v.Int(seedName) >= 0 {
		s.seed = uint64(v.Int(seedName))
	}
	var err error
	if s.sampling, err = readSampling(v, d.Task, d.Classes); err != nil {
		return nil, err
	}
	if err := bins.CheckPathSmooth(s.config); err != nil {
		return nil, err
	}
	if v.Word("boosting") == "dart" {
		s.dart = newDart(v, s.seed)
	}
	var key, first strings.Builder
	for _, p := range table {
		switch p.Name {
		case budget, patience, seedName:
			continue
		}
		fmt.Fprintf(&key, "%s %x %s %t\n", p.Name, v.Float(p.Name), v.Word(p.Name), v.Given(p.Name))
	}
	for _, name := range beginnings {
		fmt.Fprintf(&first, "%s %x %s\n", name, v.Float(name), v.Word(name))
	}
	if s.sampling.random() || s.dart != nil || s.config.ExtraTrees || s.config.NodeFeatures < 1 {
		fmt.Fprintf(&key, "%s %d\n", seedName, s.seed)
	}
	s.key, s.first = key.String(), first.String()
	return s, nil
}
