"""Writes trees.json: trees that LightGBM 4.7.0 grows from given gradients.

Bins are handed over as the values of the features, so that its bins are these;
bin 0 is handed over as NaN. The objective is a function that returns the
gradients and hessians of a case, so that one round is one tree.
"""

import json
import os

import lightgbm as lgb
import numpy as np

rng = np.random.default_rng(7)
FEATURES = 4


def data(n, missing, categories, hessians):
    bins = np.stack([rng.integers(1, 1 + b, n) for b in (40, 12, 90, 24)], 1)
    for f in missing:
        bins[rng.random(n) < 0.2, f] = 0
    effect = rng.normal(size=(FEATURES, 100))
    grad = np.sin(bins[:, 0] / 6) + (bins[:, 1] > 5) * (bins[:, 2] / 90) + 0.5 * rng.normal(size=n)
    for f in range(FEATURES):
        if f in missing:
            grad += np.where(bins[:, f] == 0, 0.8, 0)
        if f in categories:
            grad += effect[f][bins[:, f]]
    return {
        "bins": bins.tolist(),
        "categorical": categories,
        "grad": (np.round(grad * 1024) / 1024).tolist(),
        "hess": (np.round((0.5 + rng.random(n)) * 256) / 256).tolist() if hessians else [1.0] * n,
    }


sets = {
    "numbers": data(400, [], [], False),
    "missing": data(400, [0, 2], [], False),
    "weighted": data(400, [0, 1], [], True),
    "categories": data(600, [3], [1, 3], False),
}

cases = []
for name, params in [
    ("numbers", {}),
    ("numbers", {"num_leaves": 8, "lambda_l2": 3}),
    ("numbers", {"max_depth": 3, "lambda_l1": 2.5}),
    ("numbers", {"min_gain_to_split": 4}),
    ("numbers", {"max_delta_step": 0.4}),
    ("numbers", {"path_smooth": 5}),
    ("numbers", {"monotone_constraints": [1, 0, 0, 0]}),
    ("numbers", {"monotone_constraints": [0, -1, 1, 0], "lambda_l2": 1}),
    ("missing", {}),
    ("missing", {"min_data_in_leaf": 3, "num_leaves": 40}),
    ("missing", {"lambda_l1": 1, "lambda_l2": 2, "min_sum_hessian_in_leaf": 30}),
    ("missing", {"monotone_constraints": [0, 1, -1, 0]}),
    ("weighted", {"min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 8}),
    ("weighted", {"min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 12, "max_depth": 4}),
    ("categories", {"min_data_per_group": 10, "cat_smooth": 2, "min_data_in_leaf": 5}),
    ("categories", {"min_data_per_group": 5, "cat_smooth": 1, "cat_l2": 1, "max_cat_threshold": 4, "min_data_in_leaf": 5}),
    ("categories", {"max_cat_to_onehot": 30}),
    ("categories", {}),
]:
    s = sets[name]
    x = np.array(s["bins"], dtype=float)
    x[x == 0] = np.nan
    fixed = {
        "objective": lambda _, __, s=s: (np.array(s["grad"]), np.array(s["hess"])),
        "learning_rate": 1.0, "max_bin": 255, "min_data_in_bin": 1, "enable_bundle": False,
        "feature_pre_filter": False, "verbose": -1, "num_threads": 1, "deterministic": True, "force_col_wise": True,
    }
    train = lgb.Dataset(x, np.zeros(len(x)), categorical_feature=s["categorical"], params={**fixed, **params})
    model = lgb.train({**fixed, **params}, train, num_boost_round=1)
    splits = []

    def walk(node):
        if "split_feature" in node:
            splits.append({
                "feature": node["split_feature"], "gain": node["split_gain"], "count": node["internal_count"],
            })
            walk(node["left_child"])
            walk(node["right_child"])

    walk(model.dump_model()["tree_info"][0]["tree_structure"])
    cases.append({
        "set": name, "params": params, "splits": splits,
        "outputs": [float(f"{v:.9g}") for v in model.predict(x, raw_score=True)],
    })

with open(os.path.join(os.path.dirname(__file__), "trees.json"), "w") as f:
    json.dump({"version": lgb.__version__, "sets": sets, "cases": cases}, f, separators=(",", ":"))
    f.write("\n")
for c in cases:
    print(c["set"], c["params"], len(c["splits"]), "splits")
