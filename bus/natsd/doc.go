// Package natsd hides the embedded NATS server: how it is configured, what
// its credentials are and what each of them may do.
//
// The server listens on one address or on none; in either case connections
// inside the process work (Connect for the coordinator, and a Server is a
// nats.InProcessConnProvider for workers). JetStream writes each message to
// disk before it acknowledges it.
//
// There are two kinds of user. The coordinator has a secret that never leaves
// the process and may do everything. A worker has the credential that Grant
// made, bound to its id and pool by bus.Permissions.
//
// A worker's credential is good for a while after it was last renewed, and
// whoever hears of the worker renews it. So one that works and beats can
// reconnect at any time, also to a server that was started anew, since the
// credentials (as hashes) lie beside the streams; one that has been silent for
// longer has to enrol again. A connection is not cut at the very moment when
// its credential expires, but when the next credential is made; Revoke cuts at
// once.
package natsd
