package client_test

import (
	"errors"
	"testing"

	"tourney"
	"tourney/api/client"
)

func TestModelsComeAsTheyWereLeft(t *testing.T) {
	c, world := connect(t)
	const document = `{"format":"tourney-model", "version":1,"trainer":"linear","task":"regression","target":"y","params":{},"dataset":"d","metrics":{},"features":["x"],"model":{"w": [1.50]}}`
	ctx := t.Context()
	sweep := must[tourney.Sweep](t)(c.CreateSweep(ctx, []byte(spec), ""))
	world.Try(sweep.ID, 1)
	world.Try(sweep.ID, 2)
	world.Leave(sweep.ID, 1, document)
	if got := must[[]client.ModelInfo](t)(c.Models(ctx, sweep.ID)); len(got) != 1 || got[0].Trial != 1 || got[0].Bytes != int64(len(document)) {
		t.Errorf("models %v", got)
	}
	if got, err := c.Model(ctx, sweep.ID, 1); err != nil || string(got) != document {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := c.Model(ctx, sweep.ID, 0); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("a model that there is not: %v", err)
	}
}
