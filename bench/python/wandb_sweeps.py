"""What W&B's own sweep engine (pip install sweeps) makes of generated sweep files.

    python wandb_sweeps.py > ../../search/testdata/wandb_sweeps.json     the golden file: quantiles and counts
    python wandb_sweeps.py --samples                                     every sample, for an exact comparison

Of each random sweep it tells 10,000 samples of each parameter, of each grid all cells in their order. The package is
sweeps 0.3.0, with numpy and scipy as they come.
"""
import collections
import json
import math
import random
import sys
import warnings

warnings.simplefilter("ignore")
import numpy as np  # noqa: E402
import sweeps  # noqa: E402
from sweeps.grid_search import grid_search_next_runs  # noqa: E402
from sweeps.params import HyperParameterSet  # noqa: E402

N = 10_000
QUANTILES = 200
RNG = np.random.default_rng(20)


def D(distribution, **keys):
    return {"distribution": distribution, **keys}


# Each is drawn beside zz, a continuous parameter that keeps points from repeating.
RANDOM = {
    "constant int": {"value": 7}, "constant text": {"value": "adam"}, "constant null": D("constant", value=None),
    "choice": {"values": ["a", "b", "c"]}, "choice mixed": {"values": [1, 2.5, "x", True, None]}, "choice one": {"values": [4]},
    "choice repeated": D("categorical", values=[1, 1, 2]),
    "weights": {"values": ["a", "b", "c"], "probabilities": [0.1, 0.2, 0.7]},
    "weights zero": D("categorical_w_probabilities", values=[1, 2, 3, 4], probabilities=[0.5, 0, 0.5, 0]),
    "int inferred": {"min": 1, "max": 6}, "int named": D("int_uniform", min=-3, max=3), "int wide": D("int_uniform", min=0, max=100_000),
    "uniform inferred": {"min": 0.0, "max": 1.0}, "uniform mixed": {"min": 0, "max": 2.5}, "uniform named": D("uniform", min=-1e3, max=1e3),
    "uniform whole ends": D("uniform", min=1, max=10), "uniform narrow": D("uniform", min=0.1, max=0.1000001),
    "q_uniform 1": D("q_uniform", min=0, max=10), "q_uniform int": D("q_uniform", min=1, max=100, q=8), "q_uniform float": D("q_uniform", min=-1.0, max=1.0, q=0.25),
    "q_uniform tie": D("q_uniform", min=0.5, max=3.5, q=1), "q_uniform odd": D("q_uniform", min=0.0, max=1.0, q=0.3),
    "log_uniform": D("log_uniform", min=-9.2, max=0.0), "log_uniform whole": D("log_uniform", min=-3, max=2),
    "log_uniform_values": D("log_uniform_values", min=1e-5, max=0.1), "log_uniform_values wide": D("log_uniform_values", min=1e-30, max=1e30),
    "q_log_uniform": D("q_log_uniform", min=0, max=5), "q_log_uniform float": D("q_log_uniform", min=-2.0, max=3.0, q=0.5),
    "q_log_uniform_values": D("q_log_uniform_values", min=1, max=512), "q_log_uniform_values 16": D("q_log_uniform_values", min=16, max=1024, q=16),
    "q_log_uniform_values float": D("q_log_uniform_values", min=0.1, max=20.0, q=0.1),
    "inv_log_uniform": D("inv_log_uniform", min=-2.0, max=4.0), "inv_log_uniform_values": D("inv_log_uniform_values", min=0.001, max=10.0),
    "normal": D("normal"), "normal moved": D("normal", mu=-5, sigma=0.1), "q_normal": D("q_normal", mu=3, sigma=2), "q_normal float": D("q_normal", sigma=1.5, q=0.5),
    "log_normal": D("log_normal"), "log_normal moved": D("log_normal", mu=2.0, sigma=0.25), "q_log_normal": D("q_log_normal", mu=1, sigma=1),
    "q_log_normal float": D("q_log_normal", sigma=0.5, q=0.2), "beta": D("beta", a=2, b=5), "beta flat": D("beta"), "beta horns": D("beta", a=0.5, b=0.5),
    "q_beta": D("q_beta", a=2, b=2, q=0.1), "q_beta 1": D("q_beta", a=3, b=1),
    "nested": {"parameters": {"depth": {"min": 1, "max": 4}, "inner": {"parameters": {"rate": D("log_uniform_values", min=0.01, max=1)}}}},
}

GRID = {
    "one": {"a": {"values": [3, 1, 2]}}, "order": {"b": {"values": [1, 2]}, "a": {"values": ["x", "y", "z"]}},
    "ints": {"n": {"min": -2, "max": 3}, "m": {"values": [0.5, 0.25]}},
    "q_uniform": {"q": D("q_uniform", min=0, max=10, q=3)}, "q_uniform float": {"q": D("q_uniform", min=1.1, max=2.0, q=0.1)},
    "q_uniform exact": {"q": D("q_uniform", min=0.0, max=1.0, q=0.25)}, "q_uniform many": {"q": D("q_uniform", min=0.1, max=7.3, q=0.07)},
    "constants": {"a": {"value": "k"}, "b": {"values": [True, False, None]}, "c": {"value": 0.1}},
    "equal numbers": {"a": {"values": [1, 2.0, 3e6, 3000001]}}, "texts and numbers": {"a": {"values": ["1", 1, "true", True]}},
    "nested": {"net": {"parameters": {"depth": {"values": [1, 2]}, "width": {"min": 8, "max": 10}}}, "lr": {"values": [0.1, 0.01]}},
    "product": {k: {"values": list(range(n))} for k, n in zip("cab", (2, 3, 5))},
}


def generated(rng):
    """Ranges drawn at random, one sweep for each distribution that has one."""
    lo = lambda: round(rng.uniform(-50, 50), 3)  # noqa: E731
    for i in range(2):
        a, b, p = lo(), round(rng.uniform(0.001, 90), 3), round(10 ** rng.uniform(-4, 1), 6)
        yield f"drawn uniform {i}", D("uniform", min=a, max=a + b)
        yield f"drawn int {i}", D("int_uniform", min=int(a), max=int(a) + 1 + int(b))
        yield f"drawn q_uniform {i}", D("q_uniform", min=a, max=a + b, q=round(b / 7, 3))
        yield f"drawn log {i}", D("log_uniform_values", min=p, max=p * (1 + b))
        yield f"drawn q_log {i}", D("q_log_uniform_values", min=p, max=p * (1 + b), q=p)
        yield f"drawn normal {i}", D("normal", mu=a, sigma=b)
        yield f"drawn beta {i}", D("beta", a=round(rng.uniform(0.3, 6), 3), b=round(rng.uniform(0.3, 6), 3))


def plain(v):
    return v.item() if hasattr(v, "item") else v


def flat(config, prefix=""):
    out = {}
    for k, v in config.items():
        if isinstance(v, dict):
            out.update(flat(v, f"{prefix}{k}."))
        else:
            out[prefix + k] = plain(v)
    return out


def point(run):
    return flat({k: v["value"] for k, v in run.config.items()})


def draw(spec):
    """What random_search_next_runs draws: each parameter's ppf of uniform numbers, here of all at once."""
    columns = {}
    for p in HyperParameterSet.from_config(spec["parameters"]):
        if p.type == p.CONSTANT:
            drawn = [p.ppf(0.5)] * N
        elif p.type == p.CATEGORICAL_PROB:  # sample() uses ppf of one number; that of many is another, and wrong
            drawn = [p.ppf(x) for x in RNG.uniform(size=N)]
        else:
            drawn = p.ppf(RNG.uniform(size=N))
        columns[p.name.replace(HyperParameterSet.NESTING_DELIMITER, ".")] = [plain(v) for v in drawn]
    return columns


def told(column):
    """Counts of a parameter with few values, quantiles of one with many."""
    values = collections.Counter(json.dumps(v) for v in column)
    if len(values) <= 600:
        return {"counts": [[json.loads(v), n] for v, n in sorted(values.items())]}
    ordered = sorted(column)
    at = [ordered[min(len(ordered) - 1, math.ceil(len(ordered) * i / QUANTILES) - 1)] for i in range(1, QUANTILES + 1)]
    return {"quantiles": at}


def main():
    whole = "--samples" in sys.argv
    out = {"package": "sweeps " + sweeps.__version__, "samples": N, "random": [], "grid": []}
    for name, param in [*RANDOM.items(), *generated(random.Random(5))]:
        spec = {"method": "random", "parameters": {"p": param, "zz": {"min": 0.0, "max": 1.0}}}
        columns = draw(spec)
        out["random"].append({"name": name, "spec": spec, "columns": {k: (v if whole else told(v)) for k, v in columns.items() if k != "zz"}})
    for name, params in GRID.items():
        spec = {"method": "grid", "parameters": params}
        runs = grid_search_next_runs([], spec, n=100_000)
        out["grid"].append({"name": name, "spec": spec, "cells": [point(r) for r in runs if r is not None]})
    if whole:
        json.dump(out, sys.stdout)
        return
    print('{"package": %s, "samples": %d, "random": [' % (json.dumps(out["package"]), N))
    print(",\n".join(json.dumps(r) for r in out["random"]))
    print('], "grid": [')
    print(",\n".join(json.dumps(r) for r in out["grid"]))
    print("]}")


main()
