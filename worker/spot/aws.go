package spot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"tourney"
)

// tokenLife is for how long a token of the metadata service is asked, in
// seconds: the most that there is.
const tokenLife = "21600"

// aws is Amazon EC2, by version 2 of its metadata service.
type aws struct {
	*client

	token string // empty: none yet, or it has expired
}

// get reads a path of the metadata, with a token that is made when it has to be.
func (a *aws) get(ctx context.Context, path string) (string, error) {
	for try := 0; ; try++ {
		if a.token == "" {
			token, _, err := a.do(ctx, answerWait, http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", tokenLife)
			if err != nil {
				return "", err
			}
			a.token = token
		}
		body, _, err := a.do(ctx, answerWait, http.MethodGet, "/latest/meta-data/"+path, "X-aws-ec2-metadata-token", a.token)
		if isStatus(err, http.StatusUnauthorized) && try == 0 {
			a.token = ""
			continue
		}
		return body, err
	}
}

// Machine implements Cloud.
func (a *aws) Machine(ctx context.Context) tourney.Machine {
	m := tourney.Machine{Cloud: "aws"}
	m.Instance, _ = a.get(ctx, "instance-type") // what cannot be read is not said
	m.Zone, _ = a.get(ctx, "placement/availability-zone")
	life, _ := a.get(ctx, "instance-life-cycle")
	m.Spot = life == "spot"
	return m
}

// Watch implements Cloud.
func (a *aws) Watch(ctx context.Context, tell func(Notice)) {
	warnings := newWarner(tell)
	a.look(ctx, func(ctx context.Context) (bool, error) {
		var action struct{ Action, Time string }
		there, err := a.read(ctx, "spot/instance-action", &action)
		if err != nil {
			return false, err
		}
		if there && action.Action != "" {
			tell(Notice{Why: fmt.Sprintf("aws: %s at %s", action.Action, action.Time)})
			return true, nil
		}
		var advice struct{ NoticeTime string }
		if there, err = a.read(ctx, "events/recommendations/rebalance", &advice); err != nil || !there {
			return false, err
		}
		warnings.warn("aws: recommended to rebalance, at " + advice.NoticeTime)
		return false, nil
	})
}

// read decodes a document that is there only when there is something to say.
func (a *aws) read(ctx context.Context, path string, v any) (there bool, err error) {
	body, err := a.get(ctx, path)
	switch {
	case isStatus(err, http.StatusNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	if err := json.Unmarshal([]byte(body), v); err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	return true, nil
}
