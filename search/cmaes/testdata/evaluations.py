"""Prints how many evaluations the package cmaes 0.13.1 needs to bring three
functions over the unit cube to 1e-9: the median of 51 runs. convergence_test.go
holds ours against them."""

import numpy as np
from cmaes import CMA


def sphere(x):
    return float(np.sum((x - shift(len(x))) ** 2))


def ellipsoid(x):
    return float(np.sum(10 ** np.linspace(0, 6, len(x)) * (x - shift(len(x))) ** 2))


def rosenbrock(x):
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def shift(d):
    return np.array([1.5 if i % 2 == 0 else -0.5 for i in range(d)])


for f in [sphere, ellipsoid, rosenbrock]:
    for d in [2, 5, 10]:
        counts = []
        for seed in range(51):
            es = CMA(mean=np.full(d, 0.5), sigma=1 / 6, bounds=np.array([[0, 1]] * d), seed=seed)
            evaluations, best = 0, np.inf
            while best > 1e-9 and evaluations < 20000:
                told = []
                for _ in range(es.population_size):
                    u = es.ask()
                    evaluations += 1
                    told.append((u, f(10 * u - 5)))
                    best = min(best, told[-1][1])
                    if best <= 1e-9:
                        break
                else:
                    es.tell(told)
            counts.append(evaluations)
        print(f.__name__, d, int(np.median(counts)))
