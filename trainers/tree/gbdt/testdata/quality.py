"""Makes quality.json: what LightGBM reaches on real data, which are not part of
the repository. Run it with LightGBM 4.7, pandas and scikit-learn in this folder;
the first argument is the folder of the data.

Numbers are binned as our datasets bin them, by the rows to train on, and given
to LightGBM as whole numbers, so that both see the same; categories are numbered
from the most frequent on. A row is a test row if its number, from 0, leaves 4
when divided by 5, or if it comes after the rows to train on that are named."""

import json
import sys

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, roc_auc_score

folder = sys.argv[1]
sets = {
    # file, target, dropped, first rows to train on (0: by number), rounds, categories
    "adult": ("adult_48842.csv.gz", "income", [], 32561, 100, None),
    "telco": ("telco_churn.csv", "Churn", ["customerID"], 0, 50, None),
    "criteo": ("criteo_10k.csv.gz", "label", [], 8000, 50, "C"),
    "higgs": ("higgs_lgbm.train.tsv.gz", "0", [], 0, 50, None),
    "optdigits": ("optdigits_train.csv", "Class", [], 0, 40, None),
    "california": ("california_housing.csv", "median_house_value", [], 0, 200, None),
    "bike": ("bike_hour.csv", "cnt", ["instant", "dteday", "casual", "registered"], 13903, 200, None),
    "diamonds": ("diamonds.csv.gz", "price", [], 0, 200, None),
    "millionsong": ("millionsong_6724.csv", "0", [], 0, 200, None),
}


def numbers(values, train):
    """Bins: 0 is a missing value."""
    present = np.sort(values[train][~np.isnan(values[train])])
    distinct = np.unique(present)
    if len(distinct) <= 255:
        edges = distinct[:-1] + (distinct[1:] - distinct[:-1]) / 2
    else:
        n, edges = len(present), []
        for i in range(1, 255):
            e = present[i * n // 255]
            if i * n % 255 == 0:
                below = present[i * n // 255 - 1]
                e = below + (e - below) / 2
            if not edges or e > edges[-1]:
                edges.append(e)
        edges = np.array(edges)
    out = np.searchsorted(edges, values, side="left") + 1.0
    out[np.isnan(values)] = np.nan
    return out


def categories(values, train):
    counts = {}
    for v in values[train]:
        if v != "":
            counts[v] = counts.get(v, 0) + 1
    levels = sorted(counts, key=lambda v: (-counts[v], v))
    other = len(levels) > 255
    levels = levels[:254] if other else levels
    number = {v: i for i, v in enumerate(levels)}
    rest = 254 if other else np.nan
    return np.array([np.nan if v == "" else number.get(v, rest) for v in values])


out = {}
for name, (file, target, dropped, first, rounds, prefix) in sets.items():
    header = None if target == "0" else 0
    frame = pd.read_csv(f"{folder}/{file}", header=header, sep="\t" if ".tsv" in file else ",", dtype=str, keep_default_na=False)
    frame.columns = [str(c) for c in frame.columns]
    n = len(frame)
    train = np.arange(n) < first if first else np.arange(n) % 5 != 4
    x, cats = [], []
    for c in frame.columns:
        if c == target or c in dropped:
            continue
        text = frame[c].str.strip().to_numpy()
        parsed = pd.to_numeric(pd.Series(text).replace("", "nan"), errors="coerce").to_numpy(float)
        if not (prefix and c.startswith(prefix)) and not np.any(np.isnan(parsed) & (text != "")):
            x.append(numbers(parsed, train))
        else:
            cats.append(len(x))
            x.append(categories(text, train))
    x = np.column_stack(x)
    text = frame[target].str.strip()
    regression = name in ("california", "bike", "diamonds", "millionsong")
    y = text.astype(float).to_numpy() if regression else pd.Categorical(text).codes.astype(float)
    k = len(np.unique(y))
    objective = {"objective": "regression"} if regression else {"objective": "binary"} if k == 2 else {"objective": "multiclass", "num_class": k}
    params = objective | {"verbosity": -1, "num_threads": 2, "max_bin": 255, "min_data_in_bin": 1, "deterministic": True, "force_row_wise": True}
    model = lgb.train(params, lgb.Dataset(x[train], y[train], categorical_feature=cats), rounds)
    p = model.predict(x[~train])
    if regression:
        out[name] = {"rmse": mean_squared_error(y[~train], p) ** 0.5}
    else:
        out[name] = {"logloss": log_loss(y[~train], p)}
        if k == 2:
            out[name]["auc"] = roc_auc_score(y[~train], p)
        else:
            out[name]["accuracy"] = accuracy_score(y[~train], p.argmax(1))
    out[name]["rounds"] = rounds
    out[name] = {m: float(f"{v:.6g}") for m, v in out[name].items()}
    print(name, x.shape, out[name])

json.dump(out, open("quality.json", "w"), indent=1)
