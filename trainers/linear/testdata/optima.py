"""Writes optima.json: problems of all losses and their optima by scikit-learn 1.9.1.

Each minimises mean(weight * loss) + l1*|w| + l2/2*|w|^2, intercepts free, on
float32 features. Targets of regression are standardised here, as the trainer
does, but for poisson. What scikit-learn's own parameters are is said at each.
"""
import json
import pathlib

import numpy as np
from sklearn.linear_model import (ElasticNet, HuberRegressor, Lasso, LogisticRegression,
                                  PoissonRegressor, QuantileRegressor, Ridge)
from sklearn.svm import LinearSVC

rng = np.random.RandomState(7)
n, d = 240, 6
x = rng.randn(n, d)
x[:, 1] = 0.9 * x[:, 0] + 0.3 * x[:, 1]  # correlated
x[:, 4] = 3 + 2 * x[:, 4]                # neither centred nor scaled
x[:, 5] = x[:, 5] > 0.5                  # a category
x = x.astype(np.float32).astype(float)
weight = (0.5 + rng.rand(n)).astype(np.float32).astype(float)
weight_mean = weight / weight.mean()
truth = rng.randn(d, 3)
truth[2:4] = 0
score = (x - x.mean(axis=0)) @ truth + rng.randn(n, 3)
y2 = (score[:, 0] > 0.3).astype(int)
y3 = score.argmax(axis=1)
real = (20 + 5 * score[:, 1] + 30 * (rng.rand(n) > 0.95)).astype(np.float32).astype(float)
std = (real - real.mean()) / real.std()
count = rng.poisson(np.exp(0.4 * score[:, 2] / score[:, 2].std() + 0.5)).astype(float)
problems = []


def add(name, loss, y, coef, intercept, l1=0.0, l2=0.0, weighted=False, objective=None, **params):
    problems.append({"name": name, "loss": loss, "y": np.asarray(y).tolist(), "coef": np.atleast_2d(coef).tolist(),
                     "intercept": np.atleast_1d(intercept).tolist(), "l1": l1, "l2": l2, "weighted": weighted,
                     "objective": objective, "params": params})


l2 = 0.03
for name, y in [("two classes", y2), ("three classes", y3)]:
    for weights in (False, True):  # |w|^2/2 + C * sum
        sample = weight if weights else None
        total = weight.sum() if weights else n
        fit = LogisticRegression(C=1 / (l2 * total), tol=1e-12, max_iter=100000).fit(x, y, sample_weight=sample)
        add(f"{name}, weights {weights}", "logistic", y, fit.coef_, fit.intercept_, l2=l2, weighted=weights)
fit = LogisticRegression(C=1 / (l2 * n), tol=1e-12, max_iter=100000, class_weight="balanced").fit(x, y2)
add("balanced classes", "logistic", y2, fit.coef_, fit.intercept_, l2=l2, class_weight="balanced")
for ratio in (1.0, 0.5):  # C * sum + ratio*|w| + (1-ratio)/2*|w|^2
    for name, y in [("two classes", y2), ("three classes", y3)]:
        strength = 0.02
        fit = LogisticRegression(C=1 / (strength * n), l1_ratio=ratio, solver="saga", tol=1e-13, max_iter=1000000).fit(x, y)
        add(f"elastic net {ratio}, {name}", "logistic", y, fit.coef_, fit.intercept_, l1=strength * ratio, l2=strength * (1 - ratio))

# liblinear penalises the intercept, divided by its scaling.
fit = LinearSVC(C=1 / (l2 * n), dual=False, tol=1e-12, max_iter=1000000, intercept_scaling=1e3).fit(x, y2)
add("squared hinge", "squared_hinge", y2, fit.coef_, fit.intercept_, l2=l2)

fit = Ridge(alpha=l2 * n, tol=1e-12).fit(x, std)  # |y-Xw|^2 + alpha*|w|^2
add("ridge", "squared", real, fit.coef_, fit.intercept_, l2=l2)
wstd = (real - np.average(real, weights=weight)) / np.sqrt(np.average((real - np.average(real, weights=weight)) ** 2, weights=weight))
fit = Ridge(alpha=l2 * n, tol=1e-12).fit(x, wstd, sample_weight=weight_mean)
# the trainer divides the deviation by the number of rows, as the mean weight is 1
add("ridge with weights", "squared", real, fit.coef_, fit.intercept_, l2=l2, weighted=True)
fit = Lasso(alpha=0.05, tol=1e-14, max_iter=1000000).fit(x, std)
add("lasso", "squared", real, fit.coef_, fit.intercept_, l1=0.05)
fit = ElasticNet(alpha=0.1, l1_ratio=0.3, tol=1e-14, max_iter=1000000).fit(x, std)
add("elastic net", "squared", real, fit.coef_, fit.intercept_, l1=0.03, l2=0.07)

# sum of 2/s*huber(delta=epsilon*s) + alpha*|w|^2, with the scale s that it finds
fit = HuberRegressor(epsilon=1.5, alpha=0.5, tol=1e-10, max_iter=100000).fit(x, std)
add("huber", "huber", real, fit.coef_, fit.intercept_, l2=0.5 * fit.scale_ / n, delta=1.5 * fit.scale_)
fit = PoissonRegressor(alpha=l2, tol=1e-12, max_iter=100000).fit(x, count)
add("poisson", "poisson", count, fit.coef_, fit.intercept_, l2=l2)

# Losses with corners: their least values.
for q in (0.5, 0.8):
    fit = QuantileRegressor(quantile=q, alpha=0.01).fit(x, std)
    r = std - fit.predict(x)
    add(f"quantile {q}", "quantile", real, fit.coef_, fit.intercept_, l1=0.01,
        objective=float(np.maximum(q * r, (q - 1) * r).mean() + 0.01 * np.abs(fit.coef_).sum()), tau=q)
fit = LinearSVC(C=1 / (l2 * n), loss="hinge", tol=1e-10, max_iter=10000000, intercept_scaling=30).fit(x, y2)
margin = (2 * y2 - 1) * fit.decision_function(x)
add("hinge", "hinge", y2, fit.coef_, fit.intercept_, l2=l2,
    objective=float(np.maximum(0, 1 - margin).mean() + l2 / 2 * (fit.coef_ ** 2).sum()))

out = pathlib.Path(__file__).parent / "optima.json"
out.write_text(json.dumps({"x": x.tolist(), "weight": weight.tolist(), "problems": problems}) + "\n")
for p in problems:
    print(p["name"], np.round(p["coef"], 3).tolist(), np.round(p["intercept"], 3).tolist(), p["objective"])
