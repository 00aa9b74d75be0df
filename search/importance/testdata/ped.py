"""Writes ped.json: what Optuna's PedAnovaImportanceEvaluator says of some
trials. Run with Optuna 5.0.0:  python ped.py > ped.json

A point is given by coordinates in [0, 1); each kind of axis says which value of
Optuna's distribution that is. The importances are those before they are made
shares, in the order of the axes. A loss of null is infinite to Optuna, which
leaves such a trial out.
"""

import json
import math
import random
import sys
import warnings
from bisect import bisect_right

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import create_trial

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)


class Float:
    spec = {"kind": "continuous"}

    def __init__(self, log=False):
        self.dist = FloatDistribution(1e-4, 10.0, log=True) if log else FloatDistribution(0.0, 1.0)
        self.log = log

    def value(self, u):
        return min(10.0, 1e-4 * math.exp(u * math.log(1e5))) if self.log else u


class Int:
    def __init__(self, cells, low=0):
        self.low, self.cells = low, cells
        self.dist = IntDistribution(low, low + cells - 1)
        self.spec = {"kind": "ordered", "cells": cells}

    def value(self, u):
        return self.low + int(u * self.cells)


class Stepped(Int):
    def __init__(self, cells, step):
        super().__init__(cells)
        self.step = step
        self.dist = FloatDistribution(0.0, step * (cells - 1), step=step)

    def value(self, u):
        return super().value(u) * self.step


class LogInt(Int):
    """Cells from v-1/2 to v+1/2 on a logarithmic scale."""

    def __init__(self, high):
        super().__init__(high, 1)
        self.dist = IntDistribution(1, high, log=True)
        span = math.log(high + 0.5) - math.log(0.5)
        self.edges = [(math.log(v - 0.5) - math.log(0.5)) / span for v in range(1, high + 2)]
        self.edges[0], self.edges[-1] = 0.0, 1.0
        self.spec = {**self.spec, "edges": self.edges}

    def value(self, u):
        return min(bisect_right(self.edges, u), self.cells)


class Choice(Int):
    def __init__(self, cells):
        super().__init__(cells)
        self.dist = CategoricalDistribution([f"c{i}" for i in range(cells)])
        self.spec = {"kind": "choice", "cells": cells}

    def value(self, u):
        return f"c{int(u * self.cells)}"


def case(name, axes, n, loss, seed, active=None, draw=None, **options):
    """loss takes coordinates (None: inactive), active says which axes are."""
    rng = random.Random(seed)
    draw = draw or (lambda rng, i: rng.random())
    study = optuna.create_study()
    points, losses = [], []
    for i in range(n):
        u = [round(draw(rng, i), 4) for _ in axes]
        u = [min(x, 0.9999) for x in u]
        if active:
            on = active(u, i)
            u = [x if ok else None for x, ok in zip(u, on)]
        y = loss(u, rng)
        y = round(y, 6) if math.isfinite(y) else y
        names = [f"p{d}" for d in range(len(axes)) if u[d] is not None]
        study.add_trial(create_trial(
            params={k: axes[int(k[1:])].value(u[int(k[1:])]) for k in names},
            distributions={k: axes[int(k[1:])].dist for k in names},
            value=y,
        ))
        points.append(u)
        losses.append(y if math.isfinite(y) else None)
    got = PedAnovaImportanceEvaluator(**options).evaluate(study)
    return {
        "name": name, "options": options, "axes": [a.spec for a in axes], "points": points, "losses": losses,
        "want": [got.get(f"p{d}", 0.0) for d in range(len(axes))],
    }


def gathered(rng, i):
    """As of a sampler that closes in on 0.3."""
    return min(max(rng.gauss(0.3, 0.6 / (1 + i / 20)), 0.0), 0.9999)


def sphere(u, rng):
    return sum((x - 0.3) ** 2 / (d + 1) ** 2 for d, x in enumerate(u))


def fork(u, i):
    """Axis 1 where choice 0 of axis 0, axis 2 else, axis 3 where 2 and high;
    axis 4 in three trials, axis 5 in one."""
    first = u[0] < 0.5
    return [True, first, not first, not first and u[2] > 0.6, i in (3, 40, 41), i == 17]


def forked(u, rng):
    """Both branches reach the best losses, and two of axis 4's three trials."""
    y = (u[1] - 0.2) ** 2 if u[1] is not None else 0.3 * abs(u[2] - 0.8)
    return y + (0.1 * u[3] if u[3] is not None else 0) + (u[4] - 0.8 if u[4] is not None else 0)


flat = [Float(), Float(log=True), Float()]
whole = [Int(7), Int(101, low=-3), Int(1000), Stepped(13, 0.25), LogInt(16)]
choices = [Choice(2), Choice(5), Choice(12), Float()]
fork_axes = [Choice(2), Float(), Float(log=True), Int(30), Float(), Float()]
text = json.dumps([
    case("floats", flat, 100, sphere, 1),
    case("floats gathered by a sampler", flat, 150, sphere, 2, draw=gathered),
    case("floats in the space", flat, 80, sphere, 3, draw=gathered, evaluate_on_local=False),
    case("floats near the optimum", flat, 100, sphere, 4, target_quantile=0.15, region_quantile=0.5),
    case("whole numbers", whole, 120, sphere, 5),
    case("whole numbers gathered", whole, 60, sphere, 6, draw=gathered, target_quantile=0.3),
    case("choices", choices, 90, lambda u, r: int(u[1] * 5) % 3 + int(u[2] * 12) / 8 + u[3], 7),
    case("choices in the space", choices, 40, lambda u, r: int(u[0] * 2) + u[3], 8, evaluate_on_local=False),
    case("ties", [Float(), Int(4)], 60, lambda u, r: int(u[0] * 4), 9),
    case("one loss for all", flat, 20, lambda u, r: 1.0, 10),
    case("two trials", flat, 2, sphere, 11),
    case("one trial", flat, 1, sphere, 12),
    case("one cell", [Float(), Int(1), Choice(1)], 40, lambda u, r: u[0], 13),
    case("infinite losses", flat, 60, lambda u, r: math.inf if u[0] > 0.6 else u[0] + u[2], 14),
    case("conditions", fork_axes, 120, forked, 15, active=fork),
    case("conditions near the optimum", fork_axes, 160, forked, 16, active=fork, target_quantile=0.1, region_quantile=0.4),
    case("conditions in the space", fork_axes, 80, forked, 17, active=fork, evaluate_on_local=False),
])
print(text.replace('{"name"', '\n{"name"'))
sys.stderr.write(f"{len(text)} bytes, optuna {optuna.__version__}\n")
