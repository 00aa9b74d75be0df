// Package blob hides where bytes that are named by their content lie: shards,
// checkpoints, manifests and models. A blob's name is the SHA-256 of its
// bytes, in 64 lower-case hexadecimal digits.
//
// Dir keeps blobs in a directory. Client reads and writes the blobs of a
// coordinator over HTTP, which is what a worker does. Store is what all places
// of keeping have in common; package blobtest holds them to it.
//
// A blob is there whole or not at all: it is written beside its place, made
// durable, and renamed. Putting the same bytes again is harmless, and heals a
// blob that the disk has damaged. Reading does not hash: whoever must be sure
// hashes what it has read (package dataset does), and Verify does it on
// demand.
package blob
