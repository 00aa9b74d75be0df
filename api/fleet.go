package api

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"tourney"
)

const (
	fleetPace  = time.Second // between looks at the workers
	workerGone = time.Minute // unheard of for so long, a worker is taken for gone
)

// fleet is what all streams that tell of workers share: one look a second,
// however many they are.
type fleet struct {
	reader Reader

	mu      sync.Mutex
	at      time.Time
	workers []tourney.Worker
}

// look returns the workers heard of lately, as of a second ago at most.
func (f *fleet) look(ctx context.Context) ([]tourney.Worker, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.at) >= fleetPace {
		workers, err := f.reader.Workers(ctx)
		if err != nil {
			return nil, err
		}
		f.workers, f.at = workers, now
	}
	return f.workers, nil
}

// workerChange is what a stream says of a worker.
type workerChange struct {
	Worker tourney.Worker `json:"worker"`
	Live   bool           `json:"live"`
}

// workers tells the reader of the workers that came, went or came back since it
// was told last; at first, of those that live.
func (st *stream) workers() error {
	workers, err := st.s.fleet.look(st.ctx)
	if err != nil {
		return fmt.Errorf("stream workers: %w", err)
	}
	now := time.Now()
	listed := make(map[string]bool, len(workers))
	for _, w := range workers {
		live := w.State.Here() && now.Sub(w.LastSeen) < workerGone
		listed[w.ID] = true
		if was, known := st.seen[w.ID]; was == live && (known || !live) {
			continue
		}
		st.seen[w.ID] = live
		data, err := json.Marshal(workerChange{presentWorker(w), live})
		if err != nil {
			return fmt.Errorf("write worker %s: %w", w.ID, err)
		}
		fmt.Fprintf(&st.buf, "event: worker\ndata: %s\n\n", data)
		if st.buf.Len() >= streamChunk {
			if err := st.flush(); err != nil {
				return err
			}
		}
	}
	for id := range st.seen {
		if !listed[id] {
			delete(st.seen, id)
		}
	}
	if st.buf.Len() == 0 {
		return nil
	}
	return st.flush()
}
