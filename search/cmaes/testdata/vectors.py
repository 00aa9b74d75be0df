"""Writes vectors.json: python3 vectors.py, with the packages cmaes 0.13.1 and NumPy.

Each case is a walk of the reference program from a start that we share: the
points that it was told, in order of telling, and its state after each update.
"""

import json
import os

import numpy as np
from cmaes import CMA, CatCMA, CMAwM, get_warm_start_mgd

HERE = os.path.dirname(os.path.abspath(__file__))


def loss(x):
    """A turned, stretched bowl off the centre."""
    z = np.asarray(x) - np.linspace(0.35, 0.7, len(x))
    z = z + 0.5 * np.roll(z, 1)
    return float(np.sum(np.logspace(0, 2, len(x)) * z * z))


def drawn(es, count):
    """Points of the reference's own distribution, inside the cube."""
    points = []
    while len(points) < count:
        x = es.ask()
        raw = x[1] if isinstance(x, tuple) else x
        z = np.linalg.solve(np.linalg.cholesky(es._C if hasattr(es, "_C") else es._cma._C), raw - es.mean)
        sigma = es._sigma if hasattr(es, "_sigma") else es._cma._sigma
        if np.linalg.norm(z) / sigma < np.sqrt(len(raw)) + 3.9:  # as nearly all are
            points.append(x)
    return points


def state(es):
    return {
        "mean": es._mean.tolist(),
        "sigma": float(es._sigma),
        "cov": es._C.flatten().tolist(),
        "path_c": es._pc.tolist(),
        "path_s": es._p_sigma.tolist(),
    }


def plain(d, population, updates):
    es = CMA(mean=np.full(d, 0.5), sigma=1 / 6, bounds=np.array([[0, 1]] * d), seed=d, population_size=population)
    steps = []
    for _ in range(updates):
        told = [(x, loss(x)) for x in drawn(es, es.population_size)]
        points = [[x.tolist(), v] for x, v in told]
        es.tell(told)
        es._eigen_decomposition()
        steps.append({"told": points, **state(es)})
    return {"dim": d, "population": es.population_size, "steps": steps}


def with_margin(cells, updates):
    """Axis j has cells[j] equal cells over [0, 1), or none."""
    d = len(cells)
    step = np.array([1 / c if c else 0 for c in cells])
    bounds = np.array([[0.5 / c, 1 - 0.5 / c] if c else [0, 1] for c in cells])
    es = CMAwM(mean=np.full(d, 0.5), sigma=1 / 6, bounds=bounds, steps=step, seed=3)
    steps = []
    for _ in range(updates):
        told = [(raw, loss(encoded)) for encoded, raw in drawn(es, es.population_size)]
        points = [[x.tolist(), v] for x, v in told]
        es.tell(told)
        steps.append({"told": points, **state(es._cma), "stretch": es._A.tolist()})
    return {"cells": cells, "population": es.population_size, "steps": steps}


def categories(cells, updates):
    """Algorithm 1 of the paper divides by Delta before it moves q; the program after."""
    es = CatCMA(mean=np.full(2, 0.5), sigma=1 / 6, cat_num=np.array(cells), seed=4)
    steps = []
    for _ in range(updates):
        es._delta = es._delta_init / es._Delta
        told = []
        for _ in range(es.population_size):
            x, c = es.ask()
            kinds = [int(np.argmax(row)) for row in c]
            told.append(((x, c), kinds, float(np.sum((x - 0.4) ** 2) + sum(kinds) + 0.1 * kinds[0] * kinds[-1])))
        points = [[kinds, v] for _, kinds, v in told]
        es.tell([(s, v) for s, _, v in told])
        q = [es._q[i, :k].tolist() for i, k in enumerate(cells)]
        steps.append({"told": points, "q": q, "spread": float(es._Delta)})
    return {"cells": cells, "population": es.population_size, "steps": steps}


def warm(d, count):
    rng = np.random.RandomState(7)
    source = [(x, loss(x)) for x in rng.rand(count, d)]
    mean, sigma, cov = get_warm_start_mgd(source)
    return {
        "start": [[x.tolist(), v] for x, v in source],
        "mean": mean.tolist(),
        "sigma": float(sigma),
        "cov": cov.flatten().tolist(),
    }


with open(os.path.join(HERE, "vectors.json"), "w") as out:
    json.dump(
        {
            "plain": [plain(2, None, 12), plain(5, None, 12), plain(3, 12, 8)],
            "margin": [with_margin([0, 2, 5, 10, 0], 40)],
            "categories": [categories([3, 2, 6], 12)],
            "warm": warm(3, 60),
        },
        out,
        separators=(",", ":"),
    )
