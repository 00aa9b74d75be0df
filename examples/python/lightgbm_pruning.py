"""LightGBM whose trials are stopped early: asynchronous successive halving over boosting rounds.

    tourney up &
    python examples/python/lightgbm_pruning.py [TRIALS]
"""
import sys

import lightgbm as lgb
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import tourney

ROUNDS = 27
X_train, X_valid, y_train, y_valid = train_test_split(*load_breast_cancer(return_X_y=True), test_size=0.3, random_state=0)


def objective(trial):
    params = {
        "objective": "binary", "metric": "binary_logloss", "verbosity": -1, "num_threads": 1,
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.5, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 64, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 1, 50),
    }

    def report(env):
        trial.report(env.evaluation_result_list[0][2], env.iteration + 1)
        if trial.should_prune():
            raise tourney.TrialPruned

    valid = lgb.Dataset(X_valid, y_valid)
    booster = lgb.train(params, lgb.Dataset(X_train, y_train), ROUNDS, valid_sets=[valid], callbacks=[report])
    return booster.best_score["valid_0"]["binary_logloss"]


study = tourney.create_study("lightgbm-pruning", metric_names=["logloss"], pruner="asha", max_steps=ROUNDS)
study.optimize(objective, n_trials=int(sys.argv[1]) if len(sys.argv) > 1 else 30)
print(f"best logloss {study.best_value:.4f} with {study.best_params}; trials: {study.sweep.counts}")
