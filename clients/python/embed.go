// Package python hides which files of the Python client a worker needs: the
// module that stands in for wandb inside command trials. The client itself is
// for pip, and not in the binary.
package python

import (
	"embed"
	"io/fs"
)

//go:embed src/tourney/_shim/wandb/__init__.py
var files embed.FS

// Shim returns what is to lie in a directory of PYTHONPATH, so that `import
// wandb` finds the stand-in: the folder wandb.
func Shim() fs.FS {
	sub, err := fs.Sub(files, "src/tourney/_shim")
	if err != nil { // the path is a constant, and valid
		panic(err)
	}
	return sub
}
