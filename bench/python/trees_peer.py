"""The peers' training of trees: a request in JSON a line, an answer in JSON a line.

usage: trees_peer.py THREADS

Requests by "op":
  versions
  load        a CSV file, its last rows held out; columns of text become categories
  fit         one model: seconds of preparing the data and of training, log loss or RMSE and AUC on the held rows
  tournament  models one after the other, the data prepared anew for each or once, with or without folds
  predict     rows a second of the last model
"""
import json, os, sys, threading, time, warnings

THREADS = int(sys.argv[1])
now = time.process_time if os.environ.get("BENCH_CLOCK") == "cpu" else time.perf_counter
for v in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[v] = str(THREADS)
warnings.simplefilter("ignore")
OUT = os.fdopen(os.dup(1), "w")  # answers; whatever else is printed goes to stderr
os.dup2(2, 1)

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score

D = {}
LAST = {}


class Peak:
    """The peak of the anonymous memory of this process while it is open, in bytes."""

    def __enter__(self):
        self.most, self.stop = 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.stop.wait(0.005):
            with open("/proc/self/status") as f:
                for line in f:
                    if line.startswith("RssAnon"):
                        self.most = max(self.most, int(line.split()[1]) * 1024)

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def versions(_):
    import lightgbm, sklearn, xgboost

    return {"versions": ["lightgbm " + lightgbm.__version__, "xgboost " + xgboost.__version__, "scikit-learn " + sklearn.__version__, "numpy " + np.__version__]}


def load(r):
    D.clear()
    LAST.clear()
    t = pd.read_csv(r["path"], dtype={c: str for c in r.get("text", [])}, skipinitialspace=True)
    y = t.pop(r["target"])
    D["task"] = r["task"]
    if r["task"] == "classification":
        levels = r["classes"]
        y = y.astype(str).map({c: i for i, c in enumerate(levels)}).to_numpy(np.int64)
        D["classes"] = len(levels)
    else:
        y = y.to_numpy(np.float64)
    cats = [c for c in t.columns if not pd.api.types.is_numeric_dtype(t[c])]
    cut = len(t) - r["held"]
    for c in cats:
        levels = sorted(t[c].iloc[:cut].dropna().unique())
        t[c] = pd.Categorical(t[c], categories=levels)
    if not cats:
        t = t.to_numpy(np.float32)
        D["train"], D["held"] = (t[:cut], y[:cut]), (t[cut:], y[cut:])
    else:
        D["train"], D["held"] = (t.iloc[:cut], y[:cut]), (t.iloc[cut:].reset_index(drop=True), y[cut:])
    D["cats"] = cats
    return {"rows": cut, "columns": t.shape[1]}


def quality(p):
    y = D["held"][1]
    if D["task"] != "classification":
        return {"loss": float(np.sqrt(mean_squared_error(y, p)))}
    p = np.asarray(p, np.float64)
    if p.ndim == 1:
        return {"loss": float(log_loss(y, np.column_stack([1 - p, p]))), "auc": float(roc_auc_score(y, p))}
    return {"loss": float(log_loss(y, p, labels=list(range(p.shape[1]))))}


def objective(library):
    if D["task"] != "classification":
        return {"lightgbm": "regression", "xgboost": "reg:squarederror"}[library]
    return {"lightgbm": "binary", "xgboost": "binary:logistic"}[library]


def lgb_params(r, mode):
    p = {"objective": objective("lightgbm"), "num_threads": THREADS, "verbosity": -1, "max_bin": 255, "seed": 0}
    p.update(r["params"])
    p.update({"row": {"force_row_wise": True}, "col": {"force_col_wise": True}, "quantised": {"use_quantized_grad": True, "force_row_wise": True}}[mode])
    return p


def rows(x, at):
    return x.iloc[at] if hasattr(x, "iloc") else x[at]


def fit(r):
    x, y = D["train"]
    library = r["library"]
    with Peak() as peak:
        began = now()
        if library.startswith("lightgbm"):
            import lightgbm as lgb

            p = lgb_params(r, library.split("-")[1])
            data = lgb.Dataset(x, y, params=p, free_raw_data=False).construct()
            prepared = now()
            m = lgb.train(p, data, num_boost_round=r["rounds"])
            done = now()
            score = lambda v: m.predict(v)
        elif library == "xgboost":
            import xgboost as xgb

            p = {"objective": objective("xgboost"), "tree_method": "hist", "nthread": THREADS, "max_bin": 256, "grow_policy": "lossguide", "max_depth": 0, "max_leaves": r["params"]["num_leaves"], "eta": r["params"]["learning_rate"], "lambda": r["params"].get("lambda_l2", 0), "min_child_weight": r["params"].get("min_sum_hessian_in_leaf", 1e-3), "seed": 0}
            data = xgb.QuantileDMatrix(x, y, max_bin=256, enable_categorical=True, nthread=THREADS)
            prepared = now()
            m = xgb.train(p, data, r["rounds"])
            done = now()
            score = lambda v: m.predict(xgb.DMatrix(v, enable_categorical=True))
        elif library == "hist":
            from sklearn.ensemble import HistGradientBoostingClassifier as C, HistGradientBoostingRegressor as R

            kind = C if D["task"] == "classification" else R
            m = kind(learning_rate=r["params"]["learning_rate"], max_iter=r["rounds"], max_leaf_nodes=r["params"]["num_leaves"], min_samples_leaf=20, early_stopping=False, categorical_features=D["cats"] or None, random_state=0)
            prepared = began  # it bins within fit
            m.fit(x, y)
            done = now()
            score = (lambda v: m.predict_proba(v)[:, 1]) if D["task"] == "classification" else m.predict
        else:
            return spark(r)
    LAST["score"] = score
    return {"prepare": prepared - began, "seconds": done - prepared, "peak": peak.most, **quality(score(D["held"][0]))}


SPARK = {}


def spark(r):
    from pyspark.ml.classification import DecisionTreeClassifier, GBTClassifier
    from pyspark.ml.functions import array_to_vector, vector_to_array
    from pyspark.sql import SparkSession
    import pyarrow as pa, pyarrow.parquet as pq, pyspark, tempfile

    if "s" not in SPARK:
        SPARK["s"] = SparkSession.builder.master("local[%d]" % THREADS).config("spark.driver.memory", "8g").config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").config("spark.log.level", "ERROR").getOrCreate()
    frames = []
    for x, y in (D["train"], D["held"]):
        path = tempfile.mkdtemp() + "/t.parquet"
        col = pa.ListArray.from_arrays(pa.array(np.arange(0, x.size + 1, x.shape[1], dtype=np.int32)), pa.array(x.astype(np.float64).ravel()))
        pq.write_table(pa.table({"features": col, "label": pa.array(y.astype(np.float64))}), path, row_group_size=50000)
        f = SPARK["s"].read.parquet(path).select(array_to_vector("features").alias("features"), "label").repartition(2 * THREADS).cache()
        f.count()
        frames.append(f)
    if r["library"] == "spark-tree":
        m = DecisionTreeClassifier(maxDepth=5, maxBins=255, seed=0)
    else:
        m = GBTClassifier(maxIter=r["rounds"], maxDepth=5, maxBins=255, stepSize=r["params"]["learning_rate"], seed=0)
    began = now()
    fitted = m.fit(frames[0])
    seconds = now() - began
    got = fitted.transform(frames[1]).select(vector_to_array("probability").getItem(1).alias("p"), "label").toPandas()
    return {"prepare": 0, "seconds": seconds, "loss": float(log_loss(got.label, np.column_stack([1 - got.p, got.p]))), "versions": ["Spark " + pyspark.__version__]}


def tournament(r):
    import lightgbm as lgb

    x, y = D["train"]
    n = len(y)
    folds = r.get("folds", 0)
    began = now()
    losses = []
    once = {}
    for t in r["trials"]:
        p = lgb_params({"params": t["params"]}, r["mode"])
        p["metric"] = "None"
        values = []
        for f in range(max(1, folds)):
            if f not in once or r["rebin"]:
                q = {k: p[k] for k in ("max_bin", "num_threads", "verbosity", "force_row_wise", "force_col_wise") if k in p}
                if folds:
                    lo, hi = f * n // folds, (f + 1) * n // folds
                    keep = np.r_[0:lo, hi:n]
                    once[f] = lgb.Dataset(rows(x, keep), y[keep], params=q, free_raw_data=False).construct()
                else:
                    once[f] = lgb.Dataset(x, y, params=q, free_raw_data=False).construct()
            m = lgb.train(p, once[f], num_boost_round=t["rounds"])
            if folds:
                lo, hi = f * n // folds, (f + 1) * n // folds
                v = m.predict(rows(x, slice(lo, hi)))
                values.append(float(log_loss(y[lo:hi], np.column_stack([1 - v, v]))))
            else:
                values.append(quality(m.predict(D["held"][0]))["loss"])
        losses.append(sum(values) / len(values))
    return {"seconds": now() - began, "losses": losses}


def predict(r):
    x = D["held"][0]
    best = 1e9
    for _ in range(3):
        began = now()
        LAST["score"](x)
        best = min(best, now() - began)
    return {"seconds": best, "rows": len(x)}


OPS = {f.__name__: f for f in (versions, load, fit, tournament, predict)}
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = OPS[request["op"]](request)
    except Exception as e:
        answer = {"error": "%s: %s" % (type(e).__name__, e)}
    OUT.write(json.dumps(answer) + "\n")
    OUT.flush()
