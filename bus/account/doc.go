// Package account hides how workers get into a NATS server that is somebody
// else's, each with rights of its own: the coordinator holds a signing key of an
// account there, and signs a user for every worker, as NATS's operators do with
// their tool.
//
// A worker's user may do what bus.Permissions says and nothing else, for an hour
// or until the token ends that its worker enrolled with. The worker has it signed
// anew in good time by enrolling again under its id (see bus.WithRenewal). The
// NATS server asks nobody, so that what was signed cannot be taken back: a worker
// whose token was revoked gets no other user and no job, and can listen to its own
// subjects until the hour is over.
package account
