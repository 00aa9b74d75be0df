package command

import (
	"context"
	"os"
	"path/filepath"

	"tourney"
)

// maxLeft bounds the bytes of all files that a trial leaves.
const maxLeft = 1 << 30

// upload stores the files that a program has left. What cannot be kept the log
// says.
func (r *Runner) upload(ctx context.Context, dir string, j *journal) []tourney.Artifact {
	items, err := survey(dir)
	if err != nil {
		j.say("the files in TOURNEY_ARTIFACT_DIR are not kept: %v", err)
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil
	}
	defer root.Close()
	var kept []tourney.Artifact
	left := int64(maxLeft)
	for _, it := range items {
		switch {
		case it.mode.IsDir():
			continue
		case len(kept) >= tourney.MaxArtifacts || len(it.path) > tourney.MaxArtifactName || clean(it.path, len(it.path)) != it.path:
			j.say("artifact %s is not kept: at most %d, with plain names of at most %d bytes", it.path, tourney.MaxArtifacts, tourney.MaxArtifactName)
			continue
		case it.size > tourney.MaxArtifactBytes || it.size > left:
			j.say("artifact %s of %d bytes is not kept: at most %d MiB a file and %d MiB in all", it.path, it.size, tourney.MaxArtifactBytes>>20, maxLeft>>20)
			continue
		}
		data, err := root.ReadFile(filepath.FromSlash(it.path))
		if err == nil && int64(len(data)) != it.size {
			err = errUnsteady
		}
		var hash string
		if err == nil {
			hash, err = r.cfg.Put(ctx, data)
		}
		if err != nil {
			j.say("artifact %s is not kept: %v", it.path, err)
			continue
		}
		left -= it.size
		kept = append(kept, tourney.Artifact{Name: it.path, Size: it.size, SHA256: hash})
	}
	return kept
}
