package api

import (
	"context"
	"errors"
	"net/url"
	"path"
	"regexp"
	"strings"

	"tourney"
)

// unfit is what the name of a dataset has no place for.
var unfit = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// register makes a dataset of the path or URL that a spec's dataset is, and
// puts the dataset's name and version there. What the configuration does not
// allow is refused; a registered name is left as it is, since it has no slash.
func (s *Server) register(ctx context.Context, spec *tourney.Spec) (err error) {
	if !strings.Contains(spec.Dataset, "/") {
		return nil
	}
	place, file := Place{Path: spec.Dataset}, spec.Dataset
	if strings.Contains(spec.Dataset, "://") {
		u, err := url.Parse(spec.Dataset)
		if err != nil { // which quotes it, perhaps with a password in it
			return tourney.Invalid("dataset", "is no URL; one is like https://host/path/table.csv")
		}
		place, file = Place{URL: spec.Dataset}, u.Path
	}
	base, _, _ := strings.Cut(path.Base(path.Clean(file)), ".")
	name := strings.Trim(unfit.ReplaceAllString(base, "-"), "-._")
	if tourney.CheckName(name) != nil {
		name = "table"
	}
	req := tourney.DatasetRequest{Name: name, Target: spec.Target, File: path.Base(file)}
	if spec.Split != nil {
		req.Split, req.Seed = *spec.Split, spec.Split.Seed
	}
	tell := func(Progress) {}
	files, err := s.cfg.Datasets.Fetch(ctx, place, tell)
	defer func() {
		for _, f := range files {
			if f.Remove != nil {
				err = errors.Join(err, f.Remove())
			}
		}
	}()
	if err != nil {
		return err
	}
	ds, _, err := s.cfg.Datasets.Add(ctx, req, files, tell)
	if err != nil {
		return err
	}
	spec.Dataset, spec.Split = ds.Name+"@"+ds.Version, nil
	return nil
}
