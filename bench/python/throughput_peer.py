"""Optuna as the benchmark of throughput asks it: a request in JSON a line, an answer in JSON a line.

usage: throughput_peer.py

Requests by "op":
  versions  of the libraries
  run       trials that do nothing, on a storage, in some processes of one study
"""
import json, os, subprocess, sys, time, warnings

warnings.simplefilter("ignore")
OUT = os.fdopen(os.dup(1), "w")  # answers; whatever else is printed goes to stderr
os.dup2(2, 1)

import optuna

optuna.logging.set_verbosity(optuna.logging.CRITICAL)


def storage(kind, path):
    if kind == "sqlite":
        return "sqlite:///" + path
    from optuna.storages.journal import JournalFileBackend

    return optuna.storages.JournalStorage(JournalFileBackend(path))


def objective(trial):
    """The formula of trainers/noop."""
    lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    wd = trial.suggest_float("wd", -10, 10)
    layers = trial.suggest_int("layers", 1, 16)
    opt = trial.suggest_categorical("opt", ["a", "b", "c"])
    return (wd - 2) ** 2 + 0.01 * layers + lr + (0.1 if opt == "a" else 0)


def work(kind, path, trials, seed):
    study = optuna.load_study(study_name="s", storage=storage(kind, path), sampler=optuna.samplers.RandomSampler(seed=seed))
    begin = time.time()
    study.optimize(objective, n_trials=trials)
    return begin, time.time()


def run(r):
    kind, path, trials, processes = r["storage"], r["path"], r["trials"], r["processes"]
    optuna.create_study(study_name="s", storage=storage(kind, path))
    if processes == 1:
        spans = [work(kind, path, trials, 1)]
    else:
        children = [
            subprocess.Popen([sys.executable, __file__, "child", kind, path, str(trials // processes), str(i + 1)], stdout=subprocess.PIPE)
            for i in range(processes)
        ]
        spans = [json.loads(c.communicate()[0]) for c in children]
    study = optuna.load_study(study_name="s", storage=storage(kind, path))
    done = [t for t in study.get_trials(deepcopy=False) if t.state == optuna.trial.TrialState.COMPLETE]
    seconds = max(s[1] for s in spans) - min(s[0] for s in spans)
    return {"seconds": seconds, "trials": len(done), "best": min(t.value for t in done)}


def answer(r):
    if r["op"] == "versions":
        return {"versions": ["Python " + sys.version.split()[0], "Optuna " + optuna.__version__]}
    return run(r)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _, _, kind, path, trials, seed = sys.argv
        print(json.dumps(work(kind, path, int(trials), int(seed))), file=OUT, flush=True)
        sys.exit()
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as e:
            reply = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(reply), file=OUT, flush=True)
