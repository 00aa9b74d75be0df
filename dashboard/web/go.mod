// Not a Go module: this file keeps the go command out of node_modules, where
// some packages carry Go sources.
module tourney/dashboard/web

go 1.26
