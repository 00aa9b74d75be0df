package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

// disk measures what a sync to it takes, ten times a second, while others use
// it: no commit can be faster.
type disk struct {
	took []float64 // seconds; to be read once it is stopped
	quit chan struct{}
	done chan error
}

// watchDisk begins in a directory, where it leaves nothing.
func watchDisk(dir string) *disk {
	d := &disk{quit: make(chan struct{}), done: make(chan error, 1)}
	go func() { d.done <- d.run(filepath.Join(dir, "sync")) }()
	return d
}

func (d *disk) run(name string) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(name)) }()
	page := make([]byte, 4096)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-d.quit:
			return nil
		case <-tick.C:
		}
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		d.took = append(d.took, time.Since(start).Seconds())
	}
}

// stop ends it.
func (d *disk) stop() error {
	close(d.quit)
	return <-d.done
}
