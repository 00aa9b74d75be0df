"""Optuna as the benchmark of search asks it: a request in JSON a line, an answer in JSON a line.

usage: search_peer.py FOLDER      FOLDER holds suite_functions.py, sim_asha.py, tables and curves; "-" if there is none

Requests by "op":
  versions  of the libraries
  value     of a function at parameters
  play      a run of a sampler on a function or a table
  curves    times until an early-stopping policy reaches the target on recorded curves
  shuffles  orders of configurations, as the policies take them
  cost      CPU seconds of each of some asks after n trials
"""
import csv, gzip, importlib, json, math, os, random, runpy, statistics, sys, tempfile, time, warnings

warnings.simplefilter("ignore")
OUT = os.fdopen(os.dup(1), "w")  # answers; whatever else is printed goes to stderr
os.dup2(2, 1)

import optuna
from optuna.trial import TrialState

optuna.logging.set_verbosity(optuna.logging.CRITICAL)
FOLDER = sys.argv[1]
TABLES = {}
_module = None


def functions():
    global _module
    if _module is None:
        sys.path.insert(0, FOLDER)
        sys.dont_write_bytecode = True
        _module = importlib.import_module("suite_functions")
    return _module.SUITE


def sampler(name, seed):
    s = optuna.samplers
    if name == "gp":
        import torch

        torch.set_num_threads(1)
        return s.GPSampler(seed=seed)
    return {"default": s.TPESampler, "random": s.RandomSampler, "cmaes": s.CmaEsSampler}[name](seed=seed)


def table(t):
    """A table of trainings: a suggestion and a loss. Its keys are the cells of the columns, as digits."""
    if t["path"] not in TABLES:
        with gzip.open(t["path"], "rt") as f:
            next(f)
            TABLES[t["path"]] = {k: float(m) for k, m, *_ in (line.split(",") for line in f)}
    values = TABLES[t["path"]]

    def space(trial):
        p = {}
        for i, c in enumerate(t["columns"]):
            if c["ordered"]:
                p["p%d" % i] = trial.suggest_int("p%d" % i, 0, c["cells"] - 1)
            else:
                p["p%d" % i] = int(trial.suggest_categorical("p%d" % i, ["c%d" % k for k in range(c["cells"])])[1:])
        return p

    def loss(p):
        return t["sign"] * values["".join(str(p["p%d" % i]) for i in range(len(t["columns"])))]

    return space, loss, t["best"], 0


def play(r):
    space, f, best_possible, sd = table(r["table"]) if r.get("table") else functions()[r["func"]]
    n, seed = r["n"], r["seed"]
    rng = random.Random(1000003 * seed + 17)
    study = optuna.create_study(sampler=sampler(r["sampler"], seed))
    regrets, seen, listed = [], set(), {"failed": [], "repeats": []}
    best = [math.inf, math.inf]

    def ask():
        t = study.ask()
        p = space(t)
        key = json.dumps(p, sort_keys=True)
        if key in seen:
            listed["repeats"].append(t.number)
        seen.add(key)
        return t, p

    def tell(t, p):
        y = f(p)
        if y != y:
            study.tell(t, state=TrialState.FAIL)
            listed["failed"].append(len(regrets))
        else:
            o = y + (rng.gauss(0, sd) if sd else 0.0)
            study.tell(t, o)
            if o < best[0]:
                best[:] = [o, y]
        regrets.append(best[1] - best_possible if best[1] < math.inf else None)

    start = time.process_time()
    if r["mode"] == "one":
        while len(regrets) < n:
            tell(*ask())
    elif r["mode"] == "batch":
        while len(regrets) < n:
            for tp in [ask() for _ in range(min(r["pending"], n - len(regrets)))]:
                tell(*tp)
    else:  # async
        pending = [ask() for _ in range(min(r["pending"], n))]
        asked = len(pending)
        while pending:
            tell(*pending.pop(rng.randrange(len(pending))))
            if asked < n:
                pending.append(ask())
                asked += 1
    return {"regrets": regrets, "cpu": time.process_time() - start, **listed}


def load_curves(path):
    """As sim_asha.load, from the compressed file."""
    with gzip.open(path, "rt") as f:
        rows = list(csv.DictReader(f))
    if "e1" in rows[0]:
        steps = sorted((k for k in rows[0] if k[0] == "e" and k[1:].isdigit()), key=lambda k: int(k[1:]))
        return [[float(r[k]) for k in steps] for r in rows], [float(r["sec_per_epoch"]) for r in rows]
    steps = sorted((k for k in rows[0] if k[0] == "v" and k[1:].isdigit()), key=lambda k: int(k[1:]))[1:]

    def value(text):
        x = float(text) if text else math.nan
        return -x if x == x else -1e9

    return [[value(r[k]) for k in steps] for r in rows], [1.0] * len(rows)


_sim = None


def sim():
    """The simulation, whose script prints and writes where it stands."""
    global _sim
    if _sim is None:
        here, argv = os.getcwd(), sys.argv
        with tempfile.TemporaryDirectory() as tmp:
            try:
                os.chdir(tmp)
                sys.argv = ["sim_asha.py", "1"]
                _sim = runpy.run_path(os.path.join(FOLDER, "sim_asha.py"))
                _sim["out"].close()
            finally:
                os.chdir(here)
                sys.argv = argv
    return _sim


def curves(r):
    m, p = sim(), optuna.pruners
    c, dt = load_curves(r["path"])
    e = len(c[0])
    full = statistics.mean(dt) * e
    target = sorted((max(x) for x in c), reverse=True)[max(1, len(c) // 100) - 1]
    w = r["workers"]
    policies = {
        "none": lambda s: m["sim_stop"](c, dt, e, m["NoStop"](), w, s, target),
        "optuna median": lambda s: m["sim_optuna"](c, dt, e, p.MedianPruner(n_startup_trials=5, n_warmup_steps=3), w, s, target),
        "optuna successive halving, default": lambda s: m["sim_optuna"](c, dt, e, p.SuccessiveHalvingPruner(), w, s, target),
        "optuna successive halving, min 1, eta 3": lambda s: m["sim_optuna"](
            c, dt, e, p.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3), w, s, target),
        "optuna hyperband": lambda s: m["sim_optuna"](
            c, dt, e, p.HyperbandPruner(min_resource=1, max_resource=e, reduction_factor=3), w, s, target),
        "asha promotion": lambda s: m["sim_promo"](c, dt, e, w, s, target),
        "asha stopping": lambda s: m["sim_stop"](c, dt, e, m["AshaStop"](1, 3), w, s, target),
    }
    times = [policies[r["policy"]](s) for s in range(r["seeds"])]
    return {"times": [t / full if t is not None else None for t in times], "full": full, "target": target}


def shuffles(r):
    orders = []
    for seed in range(r["seeds"]):
        order = list(range(r["n"]))
        random.Random(seed).shuffle(order)
        orders.append(order)
    return {"orders": orders}


def cost(r):
    """The trials before are random ones, told as they are; the first ask, which fits from nothing, is not counted."""
    space, f, _, _ = functions()[r["func"]]
    past = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=r["seed"]))
    for _ in range(r["n"]):
        t = past.ask()
        past.tell(t, f(space(t)))
    study = optuna.create_study(sampler=sampler(r["sampler"], r["seed"]))
    study.add_trials(past.trials)
    seconds = []
    for _ in range(r["asks"] + 1):
        start = time.process_time()
        t = study.ask()
        p = space(t)
        seconds.append(time.process_time() - start)
        study.tell(t, f(p))
    return {"seconds": seconds[1:]}


def versions(_):
    import cmaes, numpy, scipy

    v = ["optuna " + optuna.__version__, "cmaes " + cmaes.__version__, "numpy " + numpy.__version__, "scipy " + scipy.__version__]
    try:
        import torch

        v.append("torch " + torch.__version__)
    except ImportError:
        pass
    return {"versions": v, "python": sys.version.split()[0]}


def value(r):
    y = functions()[r["func"]][1](r["params"])
    return {"value": None if y != y else y}


OPS = {f.__name__: f for f in (versions, value, play, curves, shuffles, cost)}
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = OPS[request["op"]](request)
    except Exception as e:
        answer = {"error": "%s: %s" % (type(e).__name__, e)}
    OUT.write(json.dumps(answer) + "\n")
    OUT.flush()
