"""Makes reference.json: factorization machines trained in float64 by the textbook, on small
sparse tables. Sums over pairs are taken pair by pair, gradients row by row. Run with NumPy."""
import json, os

import numpy as np

U64 = (1 << 64) - 1


def uniform(seed, index):
    x = (seed + (index + 1) * 0x9E3779B97F4A7C15) & U64
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & U64
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & U64
    x ^= x >> 31
    return ((x >> 40) - (1 << 23)) / (1 << 23)


class FM:
    """Of each output: b, w [d], v [d, F, k]; v[i, field of j] meets v[j, field of i]."""

    def __init__(self, d, outputs, k, field, init, seed):
        F = 1 if field is None else max(field) + 1
        self.field = [0] * d if field is None else field
        self.b, self.w, self.v = np.zeros(outputs), np.zeros((outputs, d)), np.zeros((outputs, d, F, k))
        unit = 1 + F * k
        for i in range(d):
            for o in range(outputs):
                for f in range(F * k):
                    self.v[o, i, f // k, f % k] = init / np.sqrt(k) * uniform(seed, (i * outputs + o) * unit + 1 + f)

    def score(self, o, x):
        z, on = self.b[o] + self.w[o] @ x, np.flatnonzero(x)
        for a, i in enumerate(on):
            for j in on[a + 1 :]:
                z += self.v[o, i, self.field[j]] @ self.v[o, j, self.field[i]] * x[i] * x[j]
        return z

    def gradient(self, o, x, r, g):
        on = np.flatnonzero(x)
        g[0][o] += r
        g[1][o] += r * x
        for a, i in enumerate(on):
            for j in on[a + 1 :]:
                g[2][o, i, self.field[j]] += r * x[i] * x[j] * self.v[o, j, self.field[i]]
                g[2][o, j, self.field[i]] += r * x[i] * x[j] * self.v[o, i, self.field[j]]


def train(case, p):
    x, y, w = np.array(case["x"]), np.array(case["y"], float), np.array(case["w"], float)
    k, n = case["classes"], len(y)
    w = w / w.mean()
    if k == 0:
        mean = (w * y).sum() / w.sum()
        sd = np.sqrt((w * (y - mean) ** 2).sum() / w.sum())
        y = (y - mean) / sd
    outputs = k if k > 2 else 1
    m = FM(x.shape[1], outputs, p["factors"], case["field"] if p["field_aware"] else None, p["init"], case["seed"])
    theta = [m.b, m.w, m.v]
    s1, s2 = [np.zeros_like(a) for a in theta], [np.zeros_like(a) for a in theta]
    losses, t = [], 0
    for _ in range(case["epochs"]):
        total = 0.0
        for lo in range(0, n, p["batch_size"]):
            rows = range(lo, min(lo + p["batch_size"], n))
            g = [np.zeros_like(a) for a in theta]
            for row in rows:
                z = np.array([m.score(o, x[row]) for o in range(outputs)])
                if k == 0:
                    r, loss = z - y[row], (z[0] - y[row]) ** 2
                elif k == 2:
                    r, loss = 1 / (1 + np.exp(-z)) - y[row], np.log1p(np.exp(-(2 * y[row] - 1) * z[0]))
                else:
                    e = np.exp(z - z.max())
                    r, loss = e / e.sum(), np.log(e.sum()) + z.max() - z[int(y[row])]
                    r[int(y[row])] -= 1
                total += w[row] * loss
                for o in range(outputs):
                    m.gradient(o, x[row], r[o] * w[row], g)
            seen = (x[list(rows)] != 0).any(axis=0)
            t += 1
            for i, (a, l2) in enumerate(zip(theta, (0, p["l2"], p["l2_factors"]))):
                grad = g[i] / len(rows) + l2 * a
                mask = np.ones_like(a, bool) if i == 0 else np.broadcast_to(seen.reshape((1, -1) + (1,) * (a.ndim - 2)), a.shape)
                if p["optimizer"] == "sgd":
                    step = p["learning_rate"] * grad
                elif p["optimizer"] == "adagrad":
                    s1[i][mask] += (grad**2)[mask]
                    step = p["learning_rate"] * grad / (np.sqrt(s1[i]) + 1e-8)
                else:
                    s1[i][mask] = (0.9 * s1[i] + 0.1 * grad)[mask]
                    s2[i][mask] = (0.999 * s2[i] + 0.001 * grad**2)[mask]
                    step = p["learning_rate"] * (s1[i] / (1 - 0.9**t)) / (np.sqrt(s2[i] / (1 - 0.999**t)) + 1e-8)
                a[mask] -= step[mask]
        losses.append(np.sqrt(total / n) * sd if k == 0 else total / n)
    return {"params": p, "losses": losses, "intercepts": m.b.tolist(), "weights": m.w.tolist(), "vectors": m.v.reshape(outputs, -1).tolist()}


def main():
    out = []
    for k in (0, 2, 3):
        rng = np.random.default_rng(k)
        n, d = 40, 7
        x = np.round(rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.5), 2)
        z = x[:, 0] * x[:, 3] - x[:, 1] + x[:, 2] * x[:, 5] + 0.2 * rng.normal(size=n)
        y = np.round(100 + 10 * z, 2) if k == 0 else np.searchsorted(np.quantile(z, np.arange(1, k) / k), z)
        case = {"classes": k, "seed": 3, "epochs": 4, "field": [0, 0, 1, 1, 1, 2, 2], "x": x.tolist(), "y": y.tolist(), "w": np.round(rng.uniform(0.5, 2, n), 2).tolist()}
        base = {"factors": 3, "field_aware": False, "init": 0.5, "optimizer": "sgd", "learning_rate": 0.1, "batch_size": 8, "l2": 0.01, "l2_factors": 0.02}
        case["runs"] = [
            train(case, {**base, **p})
            for p in ({}, {"optimizer": "adagrad", "batch_size": 7}, {"optimizer": "adam", "learning_rate": 0.05, "batch_size": 3}, {"field_aware": True}, {"field_aware": True, "optimizer": "adagrad", "factors": 2, "batch_size": 100})
        ]
        out.append(case)
    rounded = json.loads(json.dumps(out), parse_float=lambda s: float("%.9g" % float(s)))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json"), "w") as f:
        json.dump(rounded, f, separators=(",", ":"))
        f.write("\n")


main()
