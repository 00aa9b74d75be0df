// Package bus hides NATS: which subjects, streams and consumers carry offers
// out and claims, beats and reports in, and how they come back after a fault.
//
// Server is the coordinator's end and Client a worker's. Both ends work on any
// NATS server with JetStream; package natsd embeds one, and nothing here
// depends on it, so that a worker's binary does not contain a server.
//
// What travels where:
//
//	tourney.offers.<pool>.<sweep>  stream OFFERS, a work queue; one durable pull consumer a pool
//	tourney.claim.<worker>         request and reply
//	tourney.beat.<worker>          request and reply
//	tourney.reports.<worker>       stream REPORTS, a work queue; one consumer, the recorder
//	tourney.control.<worker>       plain messages, at most once
//
// What holds:
//   - Nothing in a stream is the truth. A stream may vanish: it is created
//     again, Server.Created says so, and time is lost but no trial.
//   - An offer lives for ten minutes. Whoever publishes offers repeats those
//     of jobs that are still queued, so that a pool without workers cannot fill
//     the stream.
//   - Reports reach the handler one batch at a time and in the order of the
//     stream, also across restarts and lost connections: whenever the order is
//     in doubt, the recorder's consumer is made anew, and a new consumer starts
//     at the oldest report that was not acknowledged. A handler may therefore
//     see a report twice, and sees none too early.
//   - Who sent a message is what its subject says, since a worker may publish
//     under its own id alone (see Permissions). A request whose reply would not
//     go to the inbox of its sender is refused: else a worker could have the
//     coordinator write to another.
package bus
