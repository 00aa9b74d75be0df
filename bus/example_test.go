package bus_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"tourney"
	"tourney/bus"
	"tourney/bus/natsd"
)

// A coordinator offers a job, and a worker in the same process gets it.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	server, err := natsd.Start(natsd.Options{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	nc, err := server.Connect()
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	coordinator, err := bus.NewServer(ctx, nc, slog.Default(), bus.OnHeard(server.Renew))
	if err != nil {
		log.Fatal(err)
	}

	enrolment, err := server.Admit("worker-1", tourney.EnrolRequest{Pool: tourney.DefaultPool})
	if err != nil {
		log.Fatal(err)
	}
	worker, err := bus.DialInProcess(ctx, server, enrolment)
	if err != nil {
		log.Fatal(err)
	}
	defer worker.Close()

	job := tourney.JobID{Sweep: "churn", Trial: 12, Rung: 1}
	if err := coordinator.Offer(ctx, tourney.DefaultPool, "churn", tourney.Offer{Jobs: []tourney.JobID{job}}); err != nil {
		log.Fatal(err)
	}
	offers, err := worker.Fetch(ctx, 10, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	for _, offer := range offers {
		fmt.Println(offer.Jobs[0], offer.Ack())
	}
	// Output: churn/12@1 <nil>
}
