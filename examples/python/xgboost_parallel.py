"""XGBoost with a declared space and several objectives, by threads that share a study.

    tourney up &
    python examples/python/xgboost_parallel.py [TRIALS]
"""
import sys

import xgboost as xgb
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

import tourney

trials = int(sys.argv[1]) if len(sys.argv) > 1 else 20
X_train, X_valid, y_train, y_valid = train_test_split(*load_diabetes(return_X_y=True), test_size=0.3, random_state=0)

study = tourney.create_study(
    "xgboost-parallel",
    space={
        "booster": tourney.Categorical(["gbtree", "gblinear"]),
        "eta": tourney.Float(0.01, 0.5, log=True),
        "rounds": tourney.Int(5, 60),
        # Trees alone have a depth: a condition of a sweep file.
        "max_depth": {"min": 1, "max": 8, "when": {"booster": "gbtree"}},
    },
    directions=["minimize", "minimize"], metric_names=["rmse", "rounds_used"], n_trials=trials,
)


def objective(trial):
    params = {"booster": trial.params["booster"], "eta": trial.params["eta"], "nthread": 1, "verbosity": 0}
    if params["booster"] == "gbtree":
        params["max_depth"] = trial.suggest_int("max_depth", 1, 8)
    rounds = trial.suggest_int("rounds", 5, 60)
    valid = xgb.DMatrix(X_valid, y_valid)
    model = xgb.train(params, xgb.DMatrix(X_train, y_train), rounds)
    rmse = float(((model.predict(valid) - y_valid) ** 2).mean() ** 0.5)
    return rmse, rounds


study.optimize(objective, n_jobs=2)
for t in study.best_trials:
    print(f"trial {t['number']}: rmse {t['metrics']['rmse']:.2f} with {t['metrics']['rounds_used']:.0f} rounds")
