"""Writes cases.json, the cases of reference_test.go and their values, by scikit-learn 1.9.1 and numpy 2.4.6.

Run in this folder. Every number is a float32 written so that it reads back as itself.
"""
import json

import numpy as np
from sklearn import metrics as sk

rng = np.random.default_rng(20)
tiny = np.finfo(np.float32).eps


def flat(a):
    return [float(v) for v in np.asarray(a, dtype=np.float32).ravel()]


def classes(name, y, p, w=None):
    y, p = np.asarray(y), np.asarray(p, dtype=np.float32)
    n, k = p.shape
    q = p.astype(float)
    present = [c for c in range(k) if 0 < (y == c).sum() < n]
    rank = lambda f: float(np.mean([f(y == c, q[:, c], sample_weight=w) for c in (present if k > 2 else [1])]))
    return {
        "name": name, "k": k, "y": [int(c) for c in y], "p": flat(p[:, 1] if k == 2 else p), "w": None if w is None else flat(w),
        # scikit-learn clips float32 as we do, but takes the mean in float32.
        "logloss": float(np.average(-np.log(np.clip(q[np.arange(n), y], tiny, 1 - float(tiny))), weights=w)),
        "accuracy": float(sk.accuracy_score(y, p.argmax(axis=1), sample_weight=w)),
        "brier": float(sk.brier_score_loss(y, q[:, 1], sample_weight=w, pos_label=1)) if k == 2 else
                 float(sk.brier_score_loss(y, q, sample_weight=w, labels=range(k))),
        "f1": float(sk.f1_score(y, p.argmax(axis=1), average="binary" if k == 2 else "macro", sample_weight=w, zero_division=0)),
        "auc": rank(sk.roc_auc_score),
        "pr_auc": rank(sk.average_precision_score),
    }


def softmax(z):
    """Probabilities in 1024ths, which sum to 1 exactly."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = np.floor(1024 * e / e.sum(axis=1, keepdims=True))
    p[:, 0] += 1024 - p.sum(axis=1)
    return (p / 1024).astype(np.float32)


def two(p1):
    p1 = np.asarray(p1, dtype=np.float32)
    return np.stack([1 - p1, p1], axis=1)


def weights(n):
    return rng.choice([0.25, 0.5, 1, 1.5, 3], n).astype(np.float32)


y = rng.integers(0, 2, 80)
smooth = two(np.clip(0.5 + 0.25 * (y - 0.5) + 0.2 * rng.standard_normal(80), 0.01, 0.99))
coarse = two(np.round(smooth[:, 1] * 6) / 6)
extreme = two(rng.choice([0, 1e-30, 1e-7, tiny, 0.5, 1 - tiny / 2, 1], 80))
one = two(rng.random(80) / 3)  # class 1 is never predicted
y10 = rng.integers(0, 10, 60)
p10 = softmax(1.5 * np.eye(10)[y10] + rng.standard_normal((60, 10)))
gaps = np.where(y10 == 4, 3, y10)  # no row has class 4
ties10 = np.full((60, 10), 1 / 16, dtype=np.float32)
ties10[np.arange(60), rng.integers(0, 9, 60)] = 7 / 16  # class 9 is never predicted
big = rng.integers(0, 2, 2000)
p_big = two(np.round(np.clip(0.5 + 0.2 * (big - 0.5) + 0.2 * rng.standard_normal(2000), 0, 1) * 256) / 256)

regressions = []
for name, n, zeros, weighted in [("plain", 50, 0, False), ("weights", 50, 0, True), ("zeros", 20, 3, False)]:
    t = rng.standard_normal(n).astype(np.float32)
    t[:zeros] = 0
    z = (t + 0.3 * rng.standard_normal(n)).astype(np.float32)
    w = weights(n) if weighted else None
    regressions.append({
        "name": name, "y": flat(t), "z": flat(z), "w": None if w is None else flat(w),
        "rmse": float(sk.root_mean_squared_error(t.astype(float), z.astype(float), sample_weight=w)),
        "mae": float(sk.mean_absolute_error(t.astype(float), z.astype(float), sample_weight=w)),
        "r2": float(sk.r2_score(t.astype(float), z.astype(float), sample_weight=w)),
        "mape": float(sk.mean_absolute_percentage_error(t.astype(float), z.astype(float), sample_weight=w)),
    })

json.dump({
    "classification": [
        classes("smooth", y, smooth),
        classes("ties", y, coarse),
        classes("ties and weights", y, coarse, weights(80)),
        classes("extreme", y, extreme),
        classes("extreme and weights", y, extreme, weights(80)),
        classes("class 1 never predicted", y, one),
        classes("ten classes", y10, p10),
        classes("ten classes and weights", y10, p10, weights(60)),
        classes("ten classes, one without rows", gaps, p10),
        classes("ten classes, ties", gaps, ties10, weights(60)),
        classes("many rows", big, p_big),
        classes("many rows and weights", big, p_big, weights(2000)),
    ],
    "regression": regressions,
}, open("cases.json", "w"), separators=(",", ":"))
