// Command tourney-worker trains for a coordinator of tourney: the same as tourney
// worker, alone and linked statically.
package main

import (
	"io"
	"os"

	"tourney/cmd/internal/cli"
	"tourney/cmd/internal/fleet"
	"tourney/worker/process"
)

// version is set by the linker for a release.
var version = ""

func main() {
	process.Main() // does not return if this process is to be a program, or to look after one
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	root := fleet.NewCommand("tourney-worker", cli.BuildVersion(version))
	root.Version = cli.BuildVersion(version)
	cli.Prepare(root)
	return cli.Run(root, args, stdout, stderr)
}
