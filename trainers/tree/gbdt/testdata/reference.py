"""Makes reference.json: rows of small whole numbers, and what LightGBM makes of
them. Each value has a bin of its own in LightGBM, as it has in the test. Run it
with LightGBM 4.7 and numpy in this folder."""

import json

import lightgbm as lgb
import numpy as np

N, SHOWN, ROUNDS = 1500, 60, 8
rng = np.random.default_rng(20)
x = np.column_stack([
    rng.integers(0, 200, N),
    rng.integers(0, 40, N),
    np.minimum(rng.geometric(0.1, N), 90),
    rng.integers(0, 7, N),
    rng.integers(0, 12, N),  # categories
]).astype(float)
x[rng.random(N) < 0.15, 1] = np.nan
level = np.array([0.9, -1.2, 0.3, 2.0, -0.4, 0.0, 1.1, -2.2, 0.6, -0.7, 1.6, -1.5])
signal = (
    np.sin(x[:, 0] / 30) + np.where(np.isnan(x[:, 1]), 1.5, x[:, 1] / 25)
    + 0.03 * x[:, 2] * (x[:, 3] > 3) + level[x[:, 4].astype(int)]
)
noise = rng.normal(size=N)
y = {
    "value": np.round(200 + 10 * signal + 6 * noise, 2),
    "count": rng.poisson(np.exp(signal / 2)).astype(float),
    "positive": np.round(np.exp(signal / 2 + 0.3 * noise), 3) + 0.001,
    "two": (signal + 1.5 * noise > 2.2).astype(float),
    "three": np.digitize(signal + noise, [0.5, 2.0]).astype(float),
}
weight = np.where(rng.permutation(N) < N // 2, 0.5, 1.5)

base = {
    "num_leaves": 15, "learning_rate": 0.1, "min_data_in_leaf": 10, "max_bin": 255, "min_data_in_bin": 1,
    "verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "enable_bundle": False,
    "feature_pre_filter": False,
}
# Where hessians differ from row to row, LightGBM guesses how many rows a leaf
# has from their sum, and we count. EXACT asks for no least number of rows.
EXACT = {"min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 5}
# So it does for categories, which "numbers" has as numbers.
NUMBERS = {"numbers": True} | EXACT

cases = [
    # name, target, weighted, parameters
    ("binary", "two", False, {"objective": "binary"}),
    ("binary weighted", "two", True, NUMBERS | {"objective": "binary"}),
    ("scale_pos_weight", "two", False, NUMBERS | {"objective": "binary", "scale_pos_weight": 3}),
    ("is_unbalance", "two", False, NUMBERS | {"objective": "binary", "is_unbalance": True}),
    ("from zero", "two", False, {"objective": "binary", "boost_from_average": False}),
    ("regularised", "two", False, NUMBERS | {"objective": "binary", "lambda_l1": 0.6, "lambda_l2": 4}),
    ("high gains", "value", False, {"objective": "l2", "min_gain_to_split": 4000}),
    ("small steps", "two", False, NUMBERS | {"objective": "binary", "max_delta_step": 0.9}),
    ("smooth paths", "value", False, {"objective": "l2", "path_smooth": 8}),
    ("heavy leaves", "two", False, {"objective": "binary", "min_sum_hessian_in_leaf": 12, "min_data_in_leaf": 1}),
    ("three levels", "two", False, {"objective": "binary", "max_depth": 3}),
    ("loose categories", "two", False, {"objective": "binary", "cat_smooth": 1, "cat_l2": 1, "min_data_per_group": 5, "max_cat_threshold": 3}),
    ("one category", "two", False, {"objective": "binary", "max_cat_to_onehot": 20}),
    ("monotone", "two", False, {"objective": "binary", "monotone_constraints": [-1, 1, 1, 0, 0]}),
    ("multiclass", "three", False, NUMBERS | {"objective": "multiclass", "num_class": 3}),
    ("multiclass weighted", "three", True, NUMBERS | {"objective": "multiclass", "num_class": 3}),
    ("l2", "value", False, {"objective": "l2"}),
    ("l2 weighted", "value", True, NUMBERS | {"objective": "l2"}),
    ("l1", "value", False, {"objective": "l1"}),
    ("huber", "value", False, {"objective": "huber", "alpha": 4}),
    ("fair", "value", False, NUMBERS | {"objective": "fair", "fair_c": 3}),
    ("quantile", "value", False, {"objective": "quantile", "alpha": 0.8}),
    ("poisson", "count", False, {"objective": "poisson"}),
    ("poisson weighted", "count", True, NUMBERS | {"objective": "poisson"}),
    ("gamma", "positive", False, NUMBERS | {"objective": "gamma"}),
    ("tweedie", "count", False, NUMBERS | {"objective": "tweedie", "tweedie_variance_power": 1.3}),
    ("dart, all dropped", "value", False, {
        "objective": "l2", "boosting": "dart", "drop_rate": 1, "skip_drop": 0, "max_drop": -1, "uniform_drop": True,
        "boost_from_average": False}),
    ("dart as XGBoost, all dropped", "two", False, {
        "objective": "binary", "boosting": "dart", "drop_rate": 1, "skip_drop": 0, "max_drop": -1, "uniform_drop": True,
        "xgboost_dart_mode": True, "boost_from_average": False}),
]

out = []
for name, target, weighted, params in cases:
    params = dict(params)
    numbers = params.pop("numbers", False)
    data = lgb.Dataset(
        x, y[target], weight=weight if weighted else None, categorical_feature=[] if numbers else [4], free_raw_data=False)
    model = lgb.train(base | params, data, ROUNDS)
    tree = model.dump_model()["tree_info"][0]["tree_structure"]
    raw = model.predict(x[:SHOWN], raw_score=True)
    params = {k: v for k, v in params.items() if k != "num_class"}
    if "monotone_constraints" in params:
        params["monotone_constraints"] = ",".join(str(v) for v in params["monotone_constraints"])
    out.append({
        "name": name, "target": target, "weighted": weighted, "numbers": numbers, "params": params,
        "root": [tree["split_feature"], tree["internal_count"], tree["left_child"].get("internal_count", tree["left_child"].get("leaf_count"))],
        "raw": [[float(f"{v:.8g}") for v in np.atleast_1d(row)] for row in raw],
    })

json.dump({
    "version": lgb.__version__, "rounds": ROUNDS,
    "x": [[-1 if np.isnan(v) else int(v) for v in row] for row in x],
    "y": {k: [float(v) for v in values] for k, values in y.items()},
    "weight": [float(v) for v in weight],
    "cases": out,
}, open("reference.json", "w"), separators=(",", ":"))
