"""What LightGBM 4.7 predicts with models that Tourney wrote.

    python ask_lightgbm.py cases.json > answers.json

A case has a model in LightGBM's text form, columns of raw values by name (numbers, or texts of categories; null is
missing), and the levels by whose places categories become numbers. It is asked twice: with a matrix of numbers, in which
a level that is not among the levels is a number that the model never heard of, and with a DataFrame of pandas.
TestLightGBMItself runs this; with -update it keeps cases and answers in lightgbm.json.
"""

import json
import sys

import lightgbm
import numpy as np
import pandas as pd


def matrix(case):
    columns = []
    for name, values in case["columns"].items():
        levels = case["levels"].get(name)
        if levels is None:
            columns.append([np.nan if v is None else v for v in values])
        else:
            place = {level: i for i, level in enumerate(levels)}
            unseen = [len(levels) + 1, 10_000, -1]
            columns.append([np.nan if v is None else place.get(v, unseen[i % 3]) for i, v in enumerate(values)])
    return np.array(columns, dtype=np.float64).T


def frame(case):
    columns = {}
    for name, values in case["columns"].items():
        if name in case["levels"]:
            columns[name] = pd.Series(values, dtype=object).astype("category")
        else:
            columns[name] = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    return pd.DataFrame(columns)


def answer(case):
    booster = lightgbm.Booster(model_str=case["model"])
    x = matrix(case)
    return {
        "scores": booster.predict(x, raw_score=True).ravel().tolist(),
        "outputs": booster.predict(x).ravel().tolist(),
        "of_frame": booster.predict(frame(case)).ravel().tolist(),
        "first_rounds": booster.predict(x, raw_score=True, num_iteration=2).ravel().tolist(),
        "contributions": booster.predict(x, pred_contrib=True).ravel().tolist(),
    }


with open(sys.argv[1]) as f:
    cases = json.load(f)
json.dump({name: answer(case) for name, case in cases.items()}, sys.stdout, sort_keys=True)
