"""Writes reference.json: small problems and their solutions by scikit-learn 1.9.1.

LogisticRegression minimises |w|^2/2 + C * sum of log losses, intercepts free, so
that l2 = 1/(C*n) in a mean over rows; Ridge minimises |y-Xw|^2 + alpha*|w|^2, so
that l2 = alpha/n, here on the standardised target.
"""
import json
import pathlib

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

rng = np.random.RandomState(0)
n, d, l2 = 60, 3, 0.05
x = rng.randn(n, d).astype(np.float32)
score = x @ rng.randn(d, 3) + rng.randn(n, 3)
problems = []
for name, y in [("three classes", score.argmax(axis=1)), ("two classes", (score[:, 0] > 0.3).astype(int))]:
    fit = LogisticRegression(C=1 / (l2 * n), tol=1e-12, max_iter=100000).fit(x.astype(float), y)
    problems.append({"name": name, "y": y.tolist(), "coef": fit.coef_.tolist(), "intercept": fit.intercept_.tolist()})
y = (20 + 5 * score[:, 1]).astype(np.float32)
fit = Ridge(alpha=l2 * n).fit(x.astype(float), (y - y.astype(float).mean()) / y.astype(float).std())
problems.append({"name": "regression", "y": y.tolist(), "coef": [fit.coef_.tolist()], "intercept": [float(fit.intercept_)]})

out = pathlib.Path(__file__).parent / "reference.json"
out.write_text(json.dumps({"l2": l2, "x": x.tolist(), "problems": problems}, indent=None) + "\n")
