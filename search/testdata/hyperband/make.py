"""Makes vectors.json: what W&B's own hyperband decides (pip install sweeps==0.3.0).

usage: python make.py > vectors.json

Runs log a metric once a step. They come to their bands one after the other, in
a random order; each is judged when it has just come to one, as the only run
that is running, beside all that were seen so far. One that is stopped logs no
more. An entry of "calls" is (run, steps logged, stopped).
"""

import json
import random

from sweeps import RunState, SweepRun
from sweeps.hyperband_stopping import hyperband_stop_runs


def bands_of(early, top):
    if "min_iter" in early:
        bands, band = [], early["min_iter"]
        while band < top:
            bands.append(band)
            band *= early["eta"]
        return bands
    return sorted(early["max_iter"] // early["eta"] ** k for k in range(1, early["s"] + 1) if early["max_iter"] // early["eta"] ** k)


def case(seed):
    rng = random.Random(seed)
    eta = rng.choice([2, 3, 4])
    top = rng.randint(5, 40)
    if rng.random() < 0.5:
        early = {"type": "hyperband", "min_iter": rng.randint(1, 3), "eta": eta}
    else:
        early = {"type": "hyperband", "max_iter": top, "s": rng.randint(1, 3), "eta": eta}
    early["strict"] = rng.random() < 0.5
    goal = rng.choice(["minimize", "maximize"])
    config = {
        "method": "random",
        "metric": {"name": "m", "goal": goal},
        "early_terminate": early,
        "parameters": {"a": {"min": 0.0, "max": 1.0}},
    }
    bands = bands_of(early, top)
    runs = rng.randint(6, 14)
    values = [[round(rng.gauss(run % 5, 1.5), rng.choice([0, 3])) for _ in range(top)] for run in range(runs)]
    at = [-1] * runs  # the band that each has come to
    waiting = list(range(runs))
    calls = []
    while waiting:
        run = rng.choice(waiting)
        at[run] += 1
        steps = bands[at[run]]
        seen = [
            SweepRun(
                name=str(i),
                state=RunState.running if i == run else RunState.finished,
                history=[{"m": v} for v in values[i][: bands[at[i]]]],
            )
            for i in range(runs)
            if at[i] >= 0
        ]
        stopped = len(hyperband_stop_runs(seen, config)) > 0
        calls.append([run, steps, stopped])
        if stopped or at[run] == len(bands) - 1:
            waiting.remove(run)
    return {"early_terminate": early, "goal": goal, "steps": top, "values": values, "calls": calls}


cases = (case(seed) for seed in range(60))
print("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases if c["calls"]) + "\n]")
