// Package spot hides how clouds say that they take a machine away.
//
// Find tells from the firmware's own strings which cloud this machine is in, so
// that elsewhere nothing is asked and nothing is waited for. A Cloud then says
// what the machine is, and watches:
//
//	aws    the instance metadata service, version 2: spot/instance-action, and
//	       events/recommendations/rebalance as a warning
//	gcp    instance/preempted by long poll; a termination for maintenance of the
//	       host as a warning
//	azure  Scheduled Events: Preempt and Terminate of this machine; Reboot and
//	       Redeploy as warnings
//
// In a Kubernetes pod without any of them there is nothing to watch: its notice
// is SIGTERM. Metadata services lie on link-local addresses; no proxy is asked,
// and no answer is waited for longer than the protocol says. What cannot be
// read is tried again: a notice is at most late, and a worker that gets none
// loses what it trained since its last checkpoint.
package spot
