package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"tourney"
	"tourney/api/metrics"
	"tourney/bus"
	"tourney/cmd/tourney/internal/intake"
	"tourney/cmd/tourney/internal/webhook"
	"tourney/coordinator"
)

// span is a time as in a sweep file: 90m, or 30d.
type span time.Duration

// String implements pflag.Value.
func (s *span) String() string {
	d := time.Duration(*s)
	switch {
	case d == 0:
		return ""
	case d%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	return d.String()
}

// Set implements pflag.Value.
func (s *span) Set(text string) error {
	seconds, ok := tourney.ParseSpan(text)
	if !ok || seconds < 1 || seconds > 100*366*86_400 {
		return errors.New("must be a time as 90m or 30d, at least a second")
	}
	*s = span(seconds * float64(time.Second))
	return nil
}

// Type implements pflag.Value.
func (*span) Type() string { return "time" }

// readPrices reads what an hour of a slot costs, by pool.
func readPrices(file string) (map[string]float64, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, usageError{fmt.Errorf("--price-file: %w", err)}
	}
	prices := map[string]float64{}
	if err := yaml.Unmarshal(data, &prices); err != nil {
		return nil, usageError{fmt.Errorf("--price-file %s: a line for each pool is needed, as gpu: 0.45: %w", file, err)}
	}
	for pool, price := range prices {
		if tourney.CheckPool(pool) != nil || !(price >= 0) || math.IsInf(price, 0) {
			return nil, usageError{fmt.Errorf("--price-file %s: %s: %v is no price of a pool; 0 or more is", file, pool, price)}
		}
	}
	return prices, nil
}

// postman returns what sends notices, or nil if the server has no secret to
// sign them with.
func (o *serverOptions) postman() (coordinator.Postman, error) {
	if o.webhookSecret == "" {
		if len(o.webhookHosts) > 0 {
			return nil, usageError{errors.New("--allow-webhook-host does nothing without --webhook-secret-file")}
		}
		return nil, nil
	}
	secret, err := os.ReadFile(o.webhookSecret)
	if err != nil {
		return nil, usageError{fmt.Errorf("--webhook-secret-file: %w", err)}
	}
	return webhook.New(webhook.Config{Secret: bytes.TrimSpace(secret), Hosts: o.webhookHosts, Allowed: intake.IsPublic})
}

// measurePools registers what autoscalers look at, and what a coordinator tells
// of its fleet.
func measurePools(r *metrics.Registry, c *coordinator.Coordinator) {
	by := func(of func(tourney.PoolCensus) float64) func(context.Context) ([]metrics.Sample, error) {
		return func(context.Context) ([]metrics.Sample, error) {
			var samples []metrics.Sample
			for pool, p := range c.Pools() {
				samples = append(samples, metrics.Sample{Labels: []string{"pool", pool}, Value: of(p)})
			}
			sortSamples(samples)
			return samples, nil
		}
	}
	r.Gauges("tourney_pool_queued", "Jobs that wait for a worker of the pool.", by(func(p tourney.PoolCensus) float64 { return float64(p.Queued) }))
	r.Gauges("tourney_pool_running", "Jobs that workers of the pool train.", by(func(p tourney.PoolCensus) float64 { return float64(p.Running) }))
	r.Gauges("tourney_pool_slots", "Cores of the pool's workers that are alive.", by(func(p tourney.PoolCensus) float64 { return float64(p.Slots) }))
	r.Gauges("tourney_pool_workers", "Workers of the pool that are alive.", by(func(p tourney.PoolCensus) float64 { return float64(p.Workers) }))
	r.Gauges("tourney_pool_slots_wanted", "Cores that the pool's jobs could use at once, as far as their sweeps may have them.", by(func(p tourney.PoolCensus) float64 { return p.Wanted }))
	r.Gauges("tourney_pool_workers_wanted", "Workers, as large as those of the pool that are alive, that could train at once.", by(func(p tourney.PoolCensus) float64 {
		size := 1.0
		if p.Workers > 0 {
			size = float64(p.Slots) / float64(p.Workers)
		}
		return math.Ceil(p.Wanted / size)
	}))
	count := func(of func(coordinator.Counts) int64) func(context.Context) ([]metrics.Sample, error) {
		return func(context.Context) ([]metrics.Sample, error) {
			return []metrics.Sample{{Value: float64(of(c.Counts()))}}, nil
		}
	}
	r.Counters("tourney_claims_total", "Claims of workers.", count(func(n coordinator.Counts) int64 { return n.Claims }))
	r.Counters("tourney_grants_total", "Jobs that claims were given.", count(func(n coordinator.Counts) int64 { return n.Grants }))
	r.Counters("tourney_leases_lost_total", "Attempts whose workers were not heard of for a lease.", count(func(n coordinator.Counts) int64 { return n.Lost }))
	r.Counters("tourney_attempts_preempted_total", "Attempts that workers gave back because they leave.", count(func(n coordinator.Counts) int64 { return n.Preempted }))
	r.Counters("tourney_stale_reports_total", "Reports dropped because their token was no longer current.", count(func(n coordinator.Counts) int64 { return n.Stale }))
}

// sortSamples puts samples in the order of their labels.
func sortSamples(samples []metrics.Sample) {
	slices.SortFunc(samples, func(a, b metrics.Sample) int { return slices.Compare(a.Labels, b.Labels) })
}

// ensureWithin bounds how long an enrolment waits for the bus.
const ensureWithin = 10 * time.Second

// pooledGate makes the offers of a pool available before a worker asks for them:
// the first one may come before any sweep of its pool.
type pooledGate struct {
	coordinator.Gate
	bus *bus.Server
}

// Admit implements coordinator.Gate.
func (g pooledGate) Admit(id string, req tourney.EnrolRequest) (tourney.Enrolment, error) {
	ctx, cancel := context.WithTimeout(context.Background(), ensureWithin)
	defer cancel()
	if err := g.bus.EnsurePool(ctx, req.Pool); err != nil {
		return tourney.Enrolment{}, err
	}
	return g.Gate.Admit(id, req)
}
