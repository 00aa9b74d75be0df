package search

// heap is a binary heap; before says which of two comes out first. Equal
// elements come out in no particular order, so before must tell all apart.
type heap[T any] struct {
	before func(a, b T) bool
	items  []T
}

func (h *heap[T]) len() int { return len(h.items) }

// peek returns the first element of a heap that is not empty.
func (h *heap[T]) peek() T { return h.items[0] }

func (h *heap[T]) clear() { h.items = nil }

func (h *heap[T]) push(x T) {
	h.items = append(h.items, x)
	i := len(h.items) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !h.before(h.items[i], h.items[parent]) {
			return
		}
		h.items[i], h.items[parent] = h.items[parent], h.items[i]
		i = parent
	}
}

// pop takes the first element out of a heap that is not empty.
func (h *heap[T]) pop() T {
	first := h.items[0]
	last := len(h.items) - 1
	h.items[0] = h.items[last]
	var zero T
	h.items[last] = zero
	h.items = h.items[:last]
	i := 0
	for {
		child := 2*i + 1
		if child >= last {
			return first
		}
		if child+1 < last && h.before(h.items[child+1], h.items[child]) {
			child++
		}
		if !h.before(h.items[child], h.items[i]) {
			return first
		}
		h.items[i], h.items[child] = h.items[child], h.items[i]
		i = child
	}
}
