package migrations

import "embed"

// FS holds the files, named NNNN_what.sql.
//
//go:embed *.sql
var FS embed.FS
