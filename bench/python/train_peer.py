"""The peers' training of linear models and neural nets: a request in JSON a line, an answer in JSON a line.

usage: train_peer.py THREADS

Requests by "op":
  versions
  load        matrices PREFIX.x and PREFIX.y, and those of the held rows, for what follows
  logistic    LogisticRegression, one model after the other: seconds, and each one's objective
  objective   of coefficients that somebody else has found
  sgd         SGDClassifier, one after the other: seconds, log loss on the held rows
  ridge       GridSearchCV(Ridge(solver="cholesky")), RidgeCV or NumPy's own statistics
  mlp         MLPClassifier: seconds, log loss on the held rows
  torch       PyTorch nets, one after the other
  spark       Spark MLlib's CrossValidator in local mode
"""
import json, os, sys, time, warnings

THREADS = int(sys.argv[1])
for v in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[v] = str(THREADS)
warnings.simplefilter("ignore")
OUT = os.fdopen(os.dup(1), "w")  # answers; whatever else is printed goes to stderr
os.dup2(2, 1)

import numpy as np

D = {}


def load(r):
    D.clear()
    for name, rows in (("train", r["n"]), ("held", r["held"])):
        x = np.fromfile(r["prefix"] + "." + name + ".x", np.float32).reshape(rows, r["d"])
        y = np.fromfile(r["prefix"] + "." + name + ".y", np.float32)
        D[name] = (x, y if r["classes"] == 0 else y.astype(np.int64))
    return {"rows": r["n"]}


def versions(_):
    import sklearn, torch, scipy

    return {"versions": ["scikit-learn " + sklearn.__version__, "numpy " + np.__version__, "scipy " + scipy.__version__, "torch " + torch.__version__]}


def log_loss_of(coef, intercept):
    x, y = D["train"]
    total = 0.0
    w = np.asarray(coef, np.float64)
    for lo in range(0, len(y), 65536):
        z = x[lo : lo + 65536].astype(np.float64) @ w + intercept
        total += np.sum(np.logaddexp(0, z) - y[lo : lo + 65536] * z)
    return total


def objective(r):
    """The mean log loss plus l2/2 of the squared coefficients."""
    n = len(D["train"][1])
    out = []
    for m in r["models"]:
        w = np.asarray(m["coef"], np.float64)
        out.append(log_loss_of(w, m["intercept"]) / n + m["l2"] / 2 * float(w @ w))
    return {"objectives": out}


def logistic(r):
    from sklearn.linear_model import LogisticRegression

    x, y = D["train"]
    n = len(y)
    seconds, objectives = 0.0, []
    for l2 in r["l2"]:
        began = time.perf_counter()
        m = LogisticRegression(C=1 / (l2 * n), max_iter=1000).fit(x, y)
        seconds += time.perf_counter() - began
        w = m.coef_[0].astype(np.float64)
        objectives.append(log_loss_of(w, float(m.intercept_[0])) / n + l2 / 2 * float(w @ w))
    return {"seconds": seconds, "objectives": objectives}


def held_log_loss(p):
    from sklearn.metrics import log_loss

    y = D["held"][1]
    return float(log_loss(y, np.asarray(p, np.float64), labels=list(range(p.shape[1]))))


def sgd(r):
    from sklearn.linear_model import SGDClassifier

    x, y = D["train"]
    seconds, losses = 0.0, []
    for alpha in r["l2"]:
        m = SGDClassifier(loss="log_loss", alpha=alpha, random_state=0)
        began = time.perf_counter()
        m.fit(x, y)
        seconds += time.perf_counter() - began
        losses.append(held_log_loss(m.predict_proba(D["held"][0])))
    return {"seconds": seconds, "losses": losses}


def ridge(r):
    x, y = D["train"]
    alphas, k = np.asarray(r["alphas"]), r["folds"]
    began = time.perf_counter()
    if r["how"] == "grid":
        from sklearn.linear_model import Ridge
        from sklearn.model_selection import GridSearchCV, KFold

        g = GridSearchCV(Ridge(solver="cholesky"), {"alpha": alphas}, cv=KFold(k), scoring="neg_root_mean_squared_error", refit=False, n_jobs=1)
        g.fit(x, y)
        rmse = -g.cv_results_["mean_test_score"]
    elif r["how"] == "ridgecv":
        from sklearn.linear_model import RidgeCV

        m = RidgeCV(alphas=alphas, cv=None, store_cv_results=True).fit(x.astype(np.float64), y)
        rmse = np.sqrt(m.cv_results_.mean(axis=0))  # leave-one-out, another estimate
    else:
        n, d = x.shape
        cuts = [i * n // k for i in range(k + 1)]
        parts = []
        for lo, hi in zip(cuts, cuts[1:]):
            xf, yf = x[lo:hi].astype(np.float64), y[lo:hi].astype(np.float64)
            parts.append((xf.T @ xf, xf.T @ yf, xf.sum(0), yf.sum(), float(yf @ yf), hi - lo))
        total = [sum(p[i] for p in parts) for i in range(6)]
        scores = np.zeros((k, len(alphas)))
        for f, p in enumerate(parts):
            xx, xy, sx, sy, yy, m = [t - q for t, q in zip(total, p)]
            mx, my = sx / m, sy / m
            a, b = xx - m * np.outer(mx, mx), xy - m * mx * my
            e, v = np.linalg.eigh(a)
            u = v.T @ b
            w = v @ (u[:, None] / (e[:, None] + alphas[None, :]))
            c = my - mx @ w
            q = np.einsum("ij,ij->j", w, p[0] @ w) - 2 * (p[1] @ w) + p[4] + 2 * c * (p[2] @ w) - 2 * c * p[3] + p[5] * c * c
            scores[f] = np.sqrt(np.maximum(q, 0) / p[5])
        rmse = scores.mean(0)
    return {"seconds": time.perf_counter() - began, "losses": [float(v) for v in rmse]}


def mlp(r):
    from sklearn.neural_network import MLPClassifier

    x, y = D["train"]
    m = MLPClassifier(hidden_layer_sizes=tuple(r["hidden"]), batch_size=r["batch"], max_iter=r["epochs"], learning_rate_init=r["rate"], alpha=0, tol=0, n_iter_no_change=10**6, shuffle=False, random_state=0)
    began = time.perf_counter()
    m.fit(x, y)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "losses": [held_log_loss(m.predict_proba(D["held"][0]))]}


def torch(r):
    import torch as t

    t.set_num_threads(THREADS)
    x, y = (t.from_numpy(v) for v in D["train"])
    seconds, losses = 0.0, []
    for seed in range(r["models"]):
        t.manual_seed(seed)
        sizes, layers = [x.shape[1]] + r["hidden"], []
        for a, b in zip(sizes, sizes[1:]):
            layers += [t.nn.Linear(a, b), t.nn.ReLU()]
        net = t.nn.Sequential(*layers, t.nn.Linear(sizes[-1], r["classes"]))
        opt = t.optim.Adam(net.parameters(), lr=r["rate"])
        loss = t.nn.CrossEntropyLoss()
        began = time.perf_counter()
        for _ in range(r["epochs"]):
            for lo in range(0, len(y), r["batch"]):
                opt.zero_grad(set_to_none=True)
                loss(net(x[lo : lo + r["batch"]]), y[lo : lo + r["batch"]]).backward()
                opt.step()
        seconds += time.perf_counter() - began
        with t.no_grad():
            losses.append(held_log_loss(t.softmax(net(t.from_numpy(D["held"][0])), 1).numpy()))
    return {"seconds": seconds, "losses": losses}


SPARK = {}


def spark(r):
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.functions import array_to_vector
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
    from pyspark.sql import SparkSession
    import pandas as pd
    import pyspark

    if "s" not in SPARK:
        SPARK["s"] = SparkSession.builder.master("local[%d]" % THREADS).config("spark.driver.memory", "6g").config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").config("spark.log.level", "ERROR").getOrCreate()
    s = SPARK["s"]
    if SPARK.get("of") is not D["train"][0]:
        import pyarrow as pa, pyarrow.parquet as pq, tempfile

        x, y = D["train"]
        path = tempfile.mkdtemp() + "/t.parquet"
        col = pa.ListArray.from_arrays(pa.array(np.arange(0, x.size + 1, x.shape[1], dtype=np.int32)), pa.array(x.astype(np.float64).ravel()))
        pq.write_table(pa.table({"features": col, "label": pa.array(y.astype(np.float64))}), path, row_group_size=20000)
        df = s.read.parquet(path).select(array_to_vector("features").alias("features"), "label").repartition(2 * THREADS).cache()
        df.count()
        SPARK["of"], SPARK["df"] = x, df
    lr = LogisticRegression(maxIter=100, standardization=False)
    grid = ParamGridBuilder().addGrid(lr.regParam, r["l2"]).build()
    cv = CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=BinaryClassificationEvaluator(), numFolds=r["folds"], parallelism=THREADS, seed=1)
    began = time.perf_counter()
    m = cv.fit(SPARK["df"])
    return {"seconds": time.perf_counter() - began, "losses": [float(v) for v in m.avgMetrics], "versions": ["Spark " + pyspark.__version__]}


OPS = {f.__name__: f for f in (versions, load, logistic, objective, sgd, ridge, mlp, torch, spark)}
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = OPS[request["op"]](request)
    except Exception as e:
        answer = {"error": "%s: %s" % (type(e).__name__, e)}
    OUT.write(json.dumps(answer) + "\n")
    OUT.flush()
