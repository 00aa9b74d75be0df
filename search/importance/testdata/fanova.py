"""Writes fanova.json: what Optuna's FanovaImportanceEvaluator says of some
trials. Run with Optuna 5.0.0 and scikit-learn 1.9.1:  python fanova.py > fanova.json

want is the part of the variance that each axis explains, in the order of the
axes: the mean of ten forests with seeds 0 to 9; spread is their standard
deviation.
"""

import json
import math
import random
import statistics
import sys

import optuna
from optuna.distributions import FloatDistribution
from optuna.importance import FanovaImportanceEvaluator
from optuna.trial import create_trial

optuna.logging.set_verbosity(optuna.logging.ERROR)


def case(name, d, n, loss, seed):
    rng = random.Random(seed)
    names = [f"p{i}" for i in range(d)]
    study = optuna.create_study()
    points, losses = [], []
    for _ in range(n):
        u = [rng.randrange(10000) / 10000 for _ in range(d)]
        y = round(loss(u, rng), 5)
        study.add_trial(create_trial(
            params=dict(zip(names, u)), distributions={k: FloatDistribution(0.0, 1.0) for k in names}, value=y,
        ))
        points.append(u)
        losses.append(y)
    runs = [FanovaImportanceEvaluator(seed=s).evaluate(study) for s in range(10)]
    return {
        "name": name, "axes": [{"kind": "continuous"}] * d, "points": points, "losses": losses,
        "want": [statistics.mean(r[k] for r in runs) for k in names],
        "spread": [statistics.stdev(r[k] for r in runs) for k in names],
    }


def ishigami(u, rng):
    a, b, c = (math.pi * (2 * x - 1) for x in u)
    return math.sin(a) + 7 * math.sin(b) ** 2 + 0.1 * c**4 * math.sin(a)


text = json.dumps([
    case("linear", 3, 150, lambda u, r: 4 * u[0] + u[1], 1),
    case("ishigami", 3, 300, ishigami, 2),
    case("product", 2, 120, lambda u, r: (u[0] - 0.5) * (u[1] - 0.4), 3),
    case("noise", 5, 120, lambda u, r: 3 * u[0] ** 2 + abs(u[1] - 0.5) + r.gauss(0, 0.2), 4),
    case("few", 2, 8, lambda u, r: u[0] + 0.5 * u[1], 5),
])
print(text.replace('{"name"', '\n{"name"'))
sys.stderr.write(f"{len(text)} bytes, optuna {optuna.__version__}\n")
