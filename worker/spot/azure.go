package spot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"tourney"
)

// azure is Microsoft Azure, by its Scheduled Events.
type azure struct {
	*client

	name string // of this machine, as events name it; empty: not known
}

// firstWait is how long the first answer may take: the service starts with it.
const firstWait = 150 * time.Second

// compute is what the instance metadata say of the machine.
type compute struct {
	Name, VMSize, Location, Zone, Priority string
}

func (a *azure) compute(ctx context.Context) (c compute, err error) {
	body, _, err := a.do(ctx, answerWait, http.MethodGet, "/metadata/instance/compute?api-version=2021-02-01", "Metadata", "true")
	if err == nil {
		err = json.Unmarshal([]byte(body), &c)
	}
	return c, err
}

// Machine implements Cloud.
func (a *azure) Machine(ctx context.Context) tourney.Machine {
	c, _ := a.compute(ctx) // what cannot be read is not said
	m := tourney.Machine{Cloud: "azure", Instance: c.VMSize, Zone: c.Location, Spot: c.Priority == "Spot"}
	if c.Zone != "" {
		m.Zone += "-" + c.Zone
	}
	return m
}

// event is what Azure plans for some of the machines that share an availability
// set or a scale set.
type event struct {
	EventID, EventType, EventStatus, NotBefore string

	Resources []string
}

// Watch implements Cloud.
func (a *azure) Watch(ctx context.Context, tell func(Notice)) {
	warnings := newWarner(tell)
	wait := firstWait
	a.look(ctx, func(ctx context.Context) (bool, error) {
		if a.name == "" {
			c, err := a.compute(ctx)
			if err != nil {
				return false, fmt.Errorf("name of this machine: %w", err)
			}
			a.name = c.Name
		}
		body, _, err := a.do(ctx, wait, http.MethodGet, "/metadata/scheduledevents?api-version=2020-07-01", "Metadata", "true")
		if err != nil {
			return false, err
		}
		wait = answerWait
		var doc struct{ Events []event }
		if err := json.Unmarshal([]byte(body), &doc); err != nil {
			return false, fmt.Errorf("scheduled events: %w", err)
		}
		for _, e := range doc.Events {
			if !slices.Contains(e.Resources, a.name) { // that of another
				continue
			}
			why := fmt.Sprintf("azure: %s, not before %s", e.EventType, e.NotBefore)
			switch e.EventType {
			case "Preempt", "Terminate":
				tell(Notice{Why: why})
				return true, nil
			case "Reboot", "Redeploy":
				warnings.warn(why)
			}
		}
		return false, nil
	})
}
