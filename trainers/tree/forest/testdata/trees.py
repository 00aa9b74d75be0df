"""Makes trees.json: decision trees of scikit-learn on small tables whose columns have
fewer than 255 values, so that bins lose nothing. Run with scikit-learn 1.9.1."""
import json, os

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

out = []
for seed, (task, k) in enumerate([("classes", 2), ("classes", 3), ("values", 0)]):
    rng = np.random.default_rng(seed)
    n, d = 240, 5
    x = rng.permuted(np.tile(np.arange(n), (d, 1)), axis=1).T.astype(float)  # no two alike
    z = x[:, 0] / n + np.sin(x[:, 1] / 40) - (x[:, 2] > 100) * (x[:, 3] / n) + 0.4 * rng.normal(size=n)
    y = z if k == 0 else np.searchsorted(np.quantile(z, np.arange(1, k) / k), z)
    w = rng.integers(1000, 4000, n) / 1000  # so that no two splits are equally good
    case = {"task": task, "classes": k, "x": x.astype(int).tolist(), "y": [round(float(v), 6) for v in y], "w": w.tolist(), "trees": []}
    yy = np.array(case["y"]).astype(np.float32).astype(float)
    for weighted in (False, True):
        for p in (
            {"max_depth": 3},
            {"min_samples_leaf": 7 if weighted else 25},
            {"max_leaf_nodes": 9},
            {"ccp_alpha": 0.01},
            {"min_impurity_decrease": 0.01, "min_samples_leaf": 3},
            {"criterion": "entropy", "max_depth": 4},
            {"criterion": "entropy", "ccp_alpha": 0.02, **({} if weighted else {"min_samples_leaf": 15})},
            {"class_weight": "balanced", "max_depth": 4 if weighted else 2},
        ):
            if k == 0 and ("criterion" in p or "class_weight" in p):
                continue
            m = (DecisionTreeRegressor if k == 0 else DecisionTreeClassifier)(random_state=0, **p)
            m.fit(x, yy, sample_weight=w if weighted else None)
            got = m.predict(x) if k == 0 else m.predict_proba(x)
            case["trees"].append({"params": p, "weighted": weighted, "leaves": int(m.get_n_leaves()), "out": np.round(got, 9).reshape(n, -1).tolist()})
    out.append(case)
with open(os.path.join(os.path.dirname(__file__), "trees.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
