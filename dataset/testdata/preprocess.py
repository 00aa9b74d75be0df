"""Writes preprocess.json: what scikit-learn makes of a small table.

Run with scikit-learn 1.7 or later: python3 preprocess.py > preprocess.json
Transformers are fitted on the first 150 of 200 rows and applied to all; target
means of the first 150 are those of fit_transform, that is, out of fold.
"""

import json
import sys

import numpy as np
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

rng = np.random.default_rng(3)
n, train = 200, 150
columns = {
    "normal": rng.normal(5, 2, n),
    "skewed": np.exp(rng.normal(0, 1.5, n)) - 1,
    "counts": rng.poisson(1.5, n).astype(float),
}
for name, share in {"normal": 0.1, "counts": 0.2}.items():
    columns[name][rng.random(n) < share] = np.nan
levels = np.array(list("abcdefgh"))
category = levels[rng.integers(0, 8, n)]
category[:train][category[:train] == "h"] = "a"  # h is new in the last rows
y = rng.normal(0, 1, n) + 3 * (category == "b") - 2 * (category == "e")
many = np.searchsorted([-1.0, 1.0], y)

log = FunctionTransformer(lambda x: np.sign(x) * np.log1p(np.abs(x)))
steps = {
    "standard": [StandardScaler()],
    "min_max": [MinMaxScaler()],
    "robust": [RobustScaler()],
    "quantile": [QuantileTransformer(n_quantiles=1000, output_distribution="normal", subsample=None)],
    "log": [log, StandardScaler()],
}
cases = []
for impute in ["mean", "median", "most_frequent", "zero"]:
    for scale, then in steps.items():
        strategy = {"strategy": "constant", "fill_value": 0} if impute == "zero" else {"strategy": impute}
        pipe = make_pipeline(SimpleImputer(**strategy), *then)
        out = {}
        for name, values in columns.items():
            x = values[:, None]
            import warnings

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # fewer rows than quantiles
                out[name] = pipe.fit(x[:train]).transform(x)[:, 0].tolist()
        cases.append({"impute": impute, "scale": scale, "want": out})


def encode(target, kind):
    e = TargetEncoder(categories=[levels[:7]], target_type=kind, smooth=10.0, cv=5, shuffle=False)
    c = category[:, None]
    first = e.fit_transform(c[:train], target[:train])
    return np.vstack([first, e.transform(c[train:])]).tolist()


bins = {}
big = np.random.default_rng(5)
for name, values in {
    "few": big.integers(0, 100, 1000) / 8,
    "many": big.normal(0, 1, 5000),
    "repeated": np.round(big.normal(0, 1, 5000), 2) * (big.random(5000) < 0.4),
}.items():
    m = _BinMapper(n_bins=256, subsample=None).fit(values[:, None])
    bins[name] = {
        "values": values.tolist(),
        "edges": m.bin_thresholds_[0].tolist(),
        "bins": m.transform(values[:, None])[:, 0].tolist(),
    }

json.dump(
    {
        "train": train,
        "columns": {k: [None if np.isnan(v) else v for v in x] for k, x in columns.items()},
        "category": category.tolist(),
        "y": y.tolist(),
        "cases": cases,
        "target": encode(y, "continuous"),
        "bins": bins,
    },
    sys.stdout,
)
