"""scikit-learn in a loop of one's own: the search runs on the server, the training here.

    tourney up &
    python examples/python/sklearn_digits.py [TRIALS]

Each process that runs this is one more worker of the same study.
"""
import sys

from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import tourney

X, y = load_digits(return_X_y=True)
X, y = X[:600], y[:600]


def objective(trial):
    kernel = trial.suggest_categorical("kernel", ["linear", "rbf"])
    model = SVC(C=trial.suggest_float("C", 1e-3, 1e3, log=True), kernel=kernel, gamma=trial.suggest_float("gamma", 1e-4, 1e-1, log=True))
    return cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=3).mean()


study = tourney.create_study("sklearn-digits", direction="maximize", metric_names=["accuracy"])
study.optimize(objective, n_trials=int(sys.argv[1]) if len(sys.argv) > 1 else 20)
print(f"best accuracy {study.best_value:.4f} with {study.best_params}")
