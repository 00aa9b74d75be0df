// Package intake hides where the tables of datasets come from and where their
// blobs go: uploads, directories and hosts that the configuration allows, and
// what is left over of datasets that are deleted or were never finished.
//
// A Desk is what the API calls Datasets. Whatever a table comes from, its
// files are first copied to a directory of the server's own, so that what is
// hashed, looked at and read is one state of them, within the limit of bytes.
//
// Paths (path.go) go through an os.Root: neither .. nor a symbolic link leads
// out of the directories that are allowed. URLs (fetch.go) are of listed hosts
// only, over connections to public addresses only (public.go): that is decided
// for the address that a connection is made to, after names are resolved, and
// so holds for redirects and for names that change their address. Buckets are
// listed as hosts are.
//
// Blobs are removed by Sweep alone (sweep.go), never while a table is taken
// in, since that may be about to refer to them.
package intake
