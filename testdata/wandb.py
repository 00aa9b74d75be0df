"""Writes wandb.json: what W&B's own package makes of sweep files.

    python -m venv v && v/bin/pip install sweeps==0.3.0 pyyaml==6.0.3
    v/bin/python testdata/wandb.py > testdata/wandb.json

For each distribution 10,000 draws, kept as 199 quantiles (numbers) or as counts
(other values); for each grid its cells.
"""
import collections, json, random
import numpy as np
import yaml
from sweeps.grid_search import grid_search_next_runs
from sweeps.params import HyperParameter

DRAWS = 10_000

distributions = [
    "{min: 1, max: 8}", "{min: -3, max: 3}", "{min: 0, max: 1}", "{min: 010, max: 0x1F}", "{min: 1_000, max: 2_000}",
    "{min: 1.0, max: 8}", "{min: 1, max: 8.0}", "{min: -1.5, max: 2.5}", "{min: 1.0e-5, max: 1.0e-1}",
    "{distribution: uniform, min: 1, max: 8}", "{distribution: uniform, min: -10, max: 10}",
    "{distribution: int_uniform, min: 0, max: 100}",
    "{distribution: q_uniform, min: 1, max: 8}", "{distribution: q_uniform, min: 0, max: 1, q: 0.1}",
    "{distribution: q_uniform, min: 0, max: 10, q: 3}", "{distribution: q_uniform, min: 0.5, max: 2.5, q: 0.5}",
    "{distribution: log_uniform, min: -5, max: 0}", "{distribution: log_uniform, min: 0, max: 2.5}",
    "{distribution: q_log_uniform, min: 0, max: 5}", "{distribution: q_log_uniform, min: 0, max: 3, q: 2}",
    "{distribution: inv_log_uniform, min: 0, max: 2}", "{distribution: inv_log_uniform, min: -3, max: 4}",
    "{distribution: log_uniform_values, min: 0.0001, max: 0.1}", "{distribution: log_uniform_values, min: 1, max: 1000}",
    "{distribution: q_log_uniform_values, min: 1, max: 64}", "{distribution: q_log_uniform_values, min: 8, max: 512, q: 8}",
    "{distribution: inv_log_uniform_values, min: 0.001, max: 10}", "{distribution: inv_log_uniform_values, min: 1, max: 8}",
    "{distribution: normal}", "{distribution: normal, mu: 5, sigma: 0.5}", "{distribution: normal, mu: -1}",
    "{distribution: q_normal}", "{distribution: q_normal, mu: 10, sigma: 4, q: 2}", "{distribution: q_normal, sigma: 1, q: 0.25}",
    "{distribution: log_normal}", "{distribution: log_normal, mu: 2, sigma: 0.3}",
    "{distribution: q_log_normal}", "{distribution: q_log_normal, mu: 3, sigma: 0.5, q: 5}",
    "{distribution: beta}", "{distribution: beta, a: 2, b: 5}", "{distribution: beta, a: 0.5, b: 0.5}",
    "{distribution: q_beta, q: 0.1}", "{distribution: q_beta, a: 2, b: 3, q: 0.05}",
    "{values: [1, 2, 3]}", "{values: [a, b, 2, 0.5, null, yes, off]}", "{distribution: categorical, values: [x]}",
    "{values: [[1, 2], [3], {a: 1, b: no}]}", "{values: [010, 0x10, 1_0, 1:30]}",
    "{values: [1, 2, 3], probabilities: [0.1, 0.2, 0.7]}", "{values: [a, b], probabilities: [0, 1]}",
    "{distribution: categorical_w_probabilities, values: [a, 1], probabilities: [0.25, 0.75]}",
    "{value: 3}", "{value: no}", "{value: {layers: [64, 32], act: relu}}", "{distribution: constant, value: 0.5}",
]

grids = [
    "a: {values: [1, 2, 3]}\nb: {values: [x, y]}",
    "b: {values: [x, y]}\na: {min: 1, max: 4}\nc: {value: 7}",
    "a: {distribution: q_uniform, min: 0, max: 1, q: 0.25}",
    "a: {distribution: q_uniform, min: 0, max: 10, q: 3}\nb: {min: -1, max: 1}",
    "a: {distribution: q_uniform, min: 1, max: 4}",
    "a: {values: [1.0, 1, 2, 2]}",
    "a: {values: [3.0e+6, 3000000, yes, on, null, ~, '1', 1]}",
    "opt: {parameters: {name: {values: [sgd, adam]}, lr: {values: [0.1, 0.01]}}}\nz: {values: [0, 1]}",
    "a: {values: [[1, 2], [2, 1], {x: 1}]}\nb: {values: [true, false]}",
    "m: {parameters: {n: {parameters: {o: {min: 0, max: 2}}}}}\nk: {distribution: constant, value: fixed}",
]


def plain(v):
    return v.item() if isinstance(v, np.generic) else v


def flat(name, v, param):
    if "parameters" not in param:
        return {name: v}
    out = {}
    for k, x in v.items():
        out.update(flat(name + "." + k, x, param["parameters"][k]))
    return out


np.random.seed(7)
random.seed(7)
out = {"draws": DRAWS, "distributions": [], "grids": []}
for text in distributions:
    config = yaml.safe_load(text)
    p = HyperParameter("x", config)
    draws = [plain(p.sample() if p.type != HyperParameter.CONSTANT else p.config["value"]) for _ in range(DRAWS)]
    entry = {"yaml": text, "distribution": p.config["distribution"]}
    if all(isinstance(d, (int, float)) and not isinstance(d, bool) for d in draws) and len(set(draws)) > 20:
        s = sorted(draws)
        entry["quantiles"] = [s[int(k * DRAWS / 200)] for k in range(1, 200)]
    else:
        n = collections.Counter(json.dumps(d, sort_keys=True) for d in draws)
        entry["counts"] = [[json.loads(k), c] for k, c in sorted(n.items())]
    out["distributions"].append(entry)
for text in grids:
    params = yaml.safe_load(text)
    runs = [r for r in grid_search_next_runs([], {"method": "grid", "parameters": params}, validate="parameters" not in text, n=10_000) if r]  # its validation drops nested ones
    cells = []
    for r in runs:
        cell = {}
        for k, v in r.config.items():
            cell.update(flat(k, v["value"], params[k]))
        cells.append(cell)
    out["grids"].append({"yaml": text, "cells": cells})
rows = ",\n  ".join(json.dumps(e) for e in out["distributions"])
cells = ",\n  ".join(json.dumps(e) for e in out["grids"])
print('{"draws": %d,\n "distributions": [\n  %s],\n "grids": [\n  %s]}' % (DRAWS, rows, cells))
