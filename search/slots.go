package search

import (
	"fmt"
	"maps"
	"slices"

	"tourney"
)

// slots are the virtual slots of a sweep and the outstanding jobs in them. A
// trial has one outstanding job at most.
type slots struct {
	fixed bool  // order: fixed; otherwise there is no virtual time
	width int   // slots
	now   int64 // virtual time, in steps
	jobs  map[int]tourney.Queued
	queue heap[tourney.Queued] // the same jobs by (finish, trial, rung), under order fixed
}

func newSlots(order tourney.Order, width int) slots {
	return slots{
		fixed: order == tourney.OrderFixed, width: width,
		jobs: map[int]tourney.Queued{}, queue: heap[tourney.Queued]{before: dueBefore},
	}
}

func dueBefore(a, b tourney.Queued) bool {
	if a.Finish != b.Finish {
		return a.Finish < b.Finish
	}
	if a.Trial != b.Trial {
		return a.Trial < b.Trial
	}
	return a.Rung < b.Rung
}

func (s *slots) idle() bool { return len(s.jobs) == 0 }

func (s *slots) free() bool { return len(s.jobs) < s.width }

// place gives a job that adds so many steps its place in virtual time.
func (s *slots) place(job tourney.Queued, steps int) tourney.Queued {
	if s.fixed {
		job.Start = s.now
		job.Finish = s.now + int64(max(steps, 1))
	}
	return job
}

func (s *slots) add(job tourney.Queued) {
	s.jobs[job.Trial] = job
	if s.fixed {
		s.queue.push(job)
	}
}

// due returns the job whose report comes next under order fixed.
func (s *slots) due() (tourney.Queued, bool) {
	if s.queue.len() == 0 {
		return tourney.Queued{}, false
	}
	return s.queue.peek(), true
}

// take frees the slot of a job and moves virtual time to the job's end.
func (s *slots) take(trial, rung int) (tourney.Queued, error) {
	job, ok := s.jobs[trial]
	if !ok || job.Rung != rung {
		return job, fmt.Errorf("no job %d@%d is outstanding: %w", trial, rung, tourney.ErrInvalid)
	}
	if s.fixed {
		if due := s.queue.peek(); due != job {
			return job, fmt.Errorf("job %d@%d is folded before %d@%d, which ends first in virtual time: %w", trial, rung, due.Trial, due.Rung, tourney.ErrInvalid)
		}
		s.queue.pop()
		s.now = job.Finish
	}
	delete(s.jobs, trial)
	return job, nil
}

// clear takes all jobs out.
func (s *slots) clear() {
	clear(s.jobs)
	s.queue.clear()
}

// trials returns the trials that have a job, by number.
func (s *slots) trials() []int { return slices.Sorted(maps.Keys(s.jobs)) }
