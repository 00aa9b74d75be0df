"""Makes the golden files of this folder with the real Optuna.

    TZ=UTC python make.py TAG

writes TAG.db, TAG.log (where the version has journals) and TAG.json, which says what
Optuna itself reads from them. It was run with Optuna 3.1.1 (the schema of 3.0 and 3.1), 4.9.0
and 5.0.0 (both the schema since 3.2).
"""
import json
import math
import os
import sys
import warnings

import optuna

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
tag = sys.argv[1]


def fill(storage):
    sampler = optuna.samplers.TPESampler(seed=1, constraints_func=lambda t: (t.params["f"] - 0.5, -1.0))
    study = optuna.create_study(storage=storage, study_name="all kinds", sampler=sampler)
    study.set_user_attr("owner", "tests")

    def objective(t):
        f = t.suggest_float("f", 0, 1)
        t.suggest_float("log", 1e-5, 1, log=True)
        t.suggest_float("stepped", 0.1, 1.1, step=0.25)
        t.suggest_int("odd", 1, 9, step=2)
        t.suggest_int("log int", 1, 100, log=True)
        t.suggest_categorical("choice", ["a", None, True, 2, 2.5])
        t.report(f, 1)
        t.report(math.nan, 2)
        t.report(math.inf, 3)
        t.report(f / 2, 7)
        t.set_user_attr("list", [1, 2, {"x": "NaN"}])
        if t.number == 2:
            raise optuna.TrialPruned()
        if t.number == 3:
            raise RuntimeError("on purpose")
        return f / 2

    study.optimize(objective, n_trials=6, catch=(RuntimeError,))

    two = optuna.create_study(storage=storage, study_name="two", directions=["minimize", "maximize"],
                              sampler=optuna.samplers.RandomSampler(seed=2))
    two.optimize(lambda t: (t.suggest_float("x", 0, 1), -math.inf if t.number == 1 else t.params["x"]), n_trials=3)
    two.enqueue_trial({"x": 0.5})

    tree = optuna.create_study(storage=storage, study_name="tree", direction="maximize",
                               sampler=optuna.samplers.RandomSampler(seed=3))

    def branches(t):
        if t.suggest_categorical("model", ["svm", "forest"]) == "svm":
            return t.suggest_float("svm_c", 1e-3, 10, log=True)
        return t.suggest_int("depth", 1, 8) / 10

    tree.optimize(branches, n_trials=12)


def number(x):
    return x if x is None or math.isfinite(x) else str(x)


def tell(storage):
    said = []
    for name in ("all kinds", "two", "tree"):
        s = optuna.load_study(study_name=name, storage=storage)
        said.append({
            "name": name,
            "directions": [d.name for d in s.directions],
            "user_attrs": s.user_attrs,
            "trials": [{
                "number": t.number,
                "state": t.state.name,
                "params": t.params,
                "distributions": {k: json.loads(optuna.distributions.distribution_to_json(d)) for k, d in t.distributions.items()},
                "values": None if t.values is None else [number(v) for v in t.values],
                "curve": {str(k): number(v) for k, v in t.intermediate_values.items()},
                "start": t.datetime_start and t.datetime_start.isoformat(),
                "complete": t.datetime_complete and t.datetime_complete.isoformat(),
                "user_attrs": t.user_attrs,
                "constraints": t.system_attrs.get("constraints"),
            } for t in s.trials],
        })
    return said


def journal(path):
    if hasattr(optuna.storages, "journal"):
        return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))
    if hasattr(optuna.storages, "JournalStorage"):
        return optuna.storages.JournalStorage(optuna.storages.JournalFileStorage(path))
    return None


for ending in (".db", ".log", ".json"):
    if os.path.exists(tag + ending):
        os.remove(tag + ending)
said = {}
url = f"sqlite:///{tag}.db"
fill(url)
said["db"] = tell(url)
storage = journal(tag + ".log")
if storage is not None:
    fill(storage)
    said["log"] = tell(storage)
with open(tag + ".json", "w") as f:
    json.dump(said, f, indent=0, sort_keys=True)
    f.write("\n")
