package spot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"time"

	"tourney"
)

// gcp is Google Compute Engine.
type gcp struct{ *client }

// pollWait is how long the service may hold a long poll, in seconds.
const pollWait = 60

// errOther means that something answers that is not Google's.
var errOther = errors.New("the answer is not of Google's metadata service")

// get reads a path of the metadata, at most so long.
func (g *gcp) get(ctx context.Context, wait time.Duration, path string) (value, etag string, err error) {
	body, head, err := g.do(ctx, wait, http.MethodGet, "/computeMetadata/v1/instance/"+path, "Metadata-Flavor", "Google")
	if err != nil {
		return "", "", err
	}
	if head.Get("Metadata-Flavor") != "Google" {
		return "", "", errOther
	}
	return body, head.Get("ETag"), nil
}

// Machine implements Cloud.
func (g *gcp) Machine(ctx context.Context) tourney.Machine {
	m := tourney.Machine{Cloud: "gcp"}
	if v, _, err := g.get(ctx, answerWait, "machine-type"); err == nil { // projects/N/machineTypes/NAME
		m.Instance = path.Base(v)
	}
	if v, _, err := g.get(ctx, answerWait, "zone"); err == nil {
		m.Zone = path.Base(v)
	}
	v, _, _ := g.get(ctx, answerWait, "scheduling/preemptible")
	m.Spot = v == "TRUE"
	return m
}

// Watch implements Cloud.
func (g *gcp) Watch(ctx context.Context, tell func(Notice)) {
	warnings := newWarner(tell)
	seen := "" // ETag of the last answer: the next one may wait for a change
	g.look(ctx, func(ctx context.Context) (bool, error) {
		query, wait := "preempted", answerWait
		if seen != "" {
			query += fmt.Sprintf("?wait_for_change=true&timeout_sec=%d&last_etag=%s", pollWait, url.QueryEscape(seen))
			wait = (pollWait + 10) * time.Second
		}
		value, etag, err := g.get(ctx, wait, query)
		if err != nil {
			seen = "" // what has changed meanwhile is read at once
			return false, err
		}
		seen = etag
		if value == "TRUE" {
			tell(Notice{Why: "gcp: the machine is preempted"})
			return true, nil
		}
		if event, _, err := g.get(ctx, answerWait, "maintenance-event"); err == nil && event == "TERMINATE_ON_HOST_MAINTENANCE" {
			warnings.warn("gcp: the machine will be stopped for maintenance of its host")
		}
		return false, nil
	})
}
