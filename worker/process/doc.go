// Package process runs a program that nobody here has written, and hides what
// it takes to be rid of it: of the program, of what it has started, of what
// those have put into groups and sessions of their own, and all that also when
// the process that wanted it run is gone without a word.
//
// Between that process and the program stands a supervisor, which is this
// binary started anew ([Main]). It is the subreaper of all that the program
// starts, so that a child whose parent is gone becomes its own and not init's:
// whatever is below it in the table of processes belongs to the trial, and is
// killed with it. It holds one end of a pipe; when the other end closes,
// because the worker was killed, it ends everything. The program itself gets
// SIGKILL from the kernel should its supervisor die. What even that leaves
// behind (children of a program whose supervisor and worker were killed at
// once) bears a mark in its environment, by which the next worker on the
// machine finds it ([Strays]).
//
// Control groups would do as well, and are not used: a worker seldom may make
// them, least of all inside a container.
package process
