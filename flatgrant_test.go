package tourney_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"tourney"
)

// fewParams are parameters of which JSON tells the type.
func fewParams(rng *rand.Rand) tourney.Params {
	p := tourney.Params{strange[rng.IntN(len(strange))]: int64(rng.Uint64()), "x": float64(rng.IntN(1000)) + 0.5, "y": rng.IntN(2) == 0}
	if rng.IntN(2) == 0 {
		p["z"] = strange[rng.IntN(len(strange))]
	}
	return p
}

// anyGrant is a grant whose fields each may be absent.
func anyGrant(rng *rand.Rand) tourney.Grant {
	word := func() string { return strange[rng.IntN(len(strange))] }
	g := tourney.Grant{Job: tourney.Job{
		JobID: tourney.JobID{Sweep: word(), Trial: rng.IntN(1e6), Rung: rng.IntN(3)},
		Kind:  tourney.JobRung, Trainer: "t", Params: fewParams(rng), Metric: tourney.Metric{Name: "m", Goal: tourney.Minimize},
		Budget: rng.IntN(2), Seed: rng.Uint64() >> rng.IntN(64), Weight: 0.5, Alone: rng.IntN(9) == 0,
	}}
	if rng.IntN(3) == 0 {
		g.Job.Metrics, g.Job.Rungs = []string{"a", word()}, []int{1, 3}
	}
	if rng.IntN(9) == 0 {
		g.Job.Checkpoint = &tourney.Checkpoint{Blob: "b", Size: 3, Step: 1}
	}
	g.Token = tourney.Token{Epoch: "e" + word(), Sweep: g.Job.Sweep, Trial: g.Job.Trial, Attempt: 1 + rng.IntN(3)}
	return g
}

// What is granted comes back as it was, whatever the grants have in common.
func TestClaimReplyTravels(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 5))
	for range 3000 {
		want := tourney.ClaimReply{}
		for range rng.IntN(5) {
			g := anyGrant(rng)
			for range 1 + rng.IntN(4) {
				g.Job.Trial++
				g.Token.Trial++
				g.Job.Params = fewParams(rng)
				want.Grants = append(want.Grants, g)
			}
		}
		if rng.IntN(9) == 0 {
			want.Error = "no"
		}
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got tourney.ClaimReply
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\ncame back as %+v\nwant %+v", data, got, want)
		}
	}
}

// What the grants of an answer have in common is said once.
func TestClaimReplySaysOnce(t *testing.T) {
	g := tourney.Grant{Job: tourney.Job{JobID: tourney.JobID{Sweep: "s"}, Dataset: "the-dataset", Params: tourney.Params{}}, Token: tourney.Token{Sweep: "s"}}
	reply := tourney.ClaimReply{}
	for n := range 50 {
		g.Job.Trial, g.Token.Trial = n, n
		reply.Grants = append(reply.Grants, g)
	}
	data, err := json.Marshal(reply)
	if err != nil || strings.Count(string(data), "the-dataset") != 1 {
		t.Errorf("%s, %v", data, err)
	}
}

func TestClaimReplyThatIsNone(t *testing.T) {
	for _, text := range []string{
		`{"grants":[[0,1,0,1,5,{}]]}`, `{"kinds":[],"grants":[[-1,1,0,1,5,{}]]}`, `{"kinds":[{}],"grants":[[0,1,0,1,5]]}`,
		`{"kinds":[{}],"grants":[[0,1,0,1,-5,{}]]}`, `{"kinds":[{}],"grants":[[0,1,0,1,5,{},null,1]]}`, `{"kinds":[{}],"grants":[[0,"1",0,1,5,{}]]}`,
		`{"kinds":[{}],"grants":{}}`,
	} {
		var r tourney.ClaimReply
		if err := json.Unmarshal([]byte(text), &r); err == nil {
			t.Errorf("%s is read as %+v", text, r)
		}
	}
	g := tourney.Grant{Job: tourney.Job{JobID: tourney.JobID{Sweep: "s", Trial: 1}}, Token: tourney.Token{Sweep: "s", Trial: 2}}
	if data, err := json.Marshal(tourney.ClaimReply{Grants: []tourney.Grant{g}}); err == nil {
		t.Errorf("a grant with the token of another trial is written: %s", data)
	}
}

// An entry is written as encoding/json would, and comes back as it was.
func TestEntryTravels(t *testing.T) {
	type plain tourney.Entry // without methods
	rng := rand.New(rand.NewPCG(2, 6))
	for range 5000 {
		e := tourney.Entry{Token: tourney.Token{Epoch: strange[rng.IntN(len(strange))], Sweep: "s", Trial: rng.IntN(99), Attempt: 1}, Rung: rng.IntN(3)}
		if rng.IntN(9) > 0 {
			v := anyFloat(rng)
			e.End = &tourney.End{Outcome: tourney.OutcomeDone, Step: 3, Value: &v, Metrics: tourney.Metrics{"m": v}, Error: strange[rng.IntN(len(strange))], Whole: rng.IntN(5) == 0}
		}
		if rng.IntN(2) == 0 {
			e.Telemetry = &tourney.Telemetry{RowsPerSecond: anyFloat(rng), Memory: rng.Int64()}
		}
		if rng.IntN(5) == 0 {
			e.Points = []tourney.Point{{Step: 1, Metrics: tourney.Metrics{"m": 2}}}
		}
		if rng.IntN(5) == 0 {
			e.Checkpoint = &tourney.Checkpoint{Blob: "b", Step: 3}
		}
		want, err := json.Marshal(plain(e))
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(e)
		if err != nil || string(got) != string(want) {
			t.Fatalf("written as %s, %v\nwant %s", got, err, want)
		}
		var back tourney.Entry
		if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, e) {
			t.Fatalf("%s came back as %+v, %v", got, back, err)
		}
	}
}
