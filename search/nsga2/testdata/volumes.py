"""Prints what Optuna's NSGA-II reaches, with its defaults, on ZDT1 and ZDT2 in
10 dimensions with 1000 trials: the hypervolume below (1.1, 1.1), the median of
10 seeds. nsga2_test.go holds ours against them."""

import math
import statistics

import optuna
from optuna._hypervolume import compute_hypervolume

import numpy as np

optuna.logging.set_verbosity(optuna.logging.ERROR)


def zdt(trial, h):
    x = [trial.suggest_float(f"x{i}", 0, 1) for i in range(10)]
    g = 1 + 9 * sum(x[1:]) / 9
    return x[0], g * h(x[0] / g)


for name, h in [("ZDT1", lambda r: 1 - math.sqrt(r)), ("ZDT2", lambda r: 1 - r * r)]:
    volumes = []
    for seed in range(10):
        study = optuna.create_study(directions=["minimize"] * 2, sampler=optuna.samplers.NSGAIISampler(seed=seed))
        study.optimize(lambda t: zdt(t, h), n_trials=1000)
        front = np.array([t.values for t in study.best_trials])
        front = front[np.all(front < 1.1, axis=1)]
        volumes.append(float(compute_hypervolume(front, np.array([1.1, 1.1]))) if len(front) else 0.0)
    print(optuna.__version__, name, round(statistics.median(volumes), 4), [round(v, 3) for v in sorted(volumes)])
