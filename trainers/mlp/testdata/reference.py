"""Trains small networks with PyTorch and writes what became of them.

    python reference.py > reference.json

Each case is trained in float64 and, to tell how far rounding carries, in
float32. Weights are written as the package lays them out: for each layer its
weights [inputs x units] row-major, its shifts, and its scales if it is
normalised; averages are means and variances of each normalised layer.
"""

import json
import sys

import numpy as np
import torch
from torch import nn

ROWS, FEATURES, BATCH, EPOCHS = 50, 4, 16, 4
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": lambda: nn.GELU(approximate="tanh")}

CASES = [
    dict(name="relu, adam, two classes", classes=2, hidden=[6, 5], activation="relu", optimizer="adam", learning_rate=0.01),
    dict(name="gelu, adamw, cosine, smoothing", classes=3, hidden=[7], activation="gelu", optimizer="adamw",
         learning_rate=0.02, weight_decay=0.1, schedule="cosine", label_smoothing=0.2),
    dict(name="tanh, nesterov, l2, regression", classes=0, hidden=[6, 4], activation="tanh", optimizer="sgd",
         learning_rate=0.05, momentum=0.8, nesterov=True, l2=0.01),
    dict(name="norm, relu, heavy ball, smoothing of two", classes=2, hidden=[6, 5], activation="relu", batch_norm=True,
         optimizer="sgd", learning_rate=0.05, momentum=0.9, label_smoothing=0.1),
    dict(name="norm, tanh, adam, step", classes=3, hidden=[5, 4], activation="tanh", batch_norm=True, optimizer="adam",
         learning_rate=0.02, beta1=0.8, beta2=0.95, epsilon=1e-3, schedule="step", step_size=2, gamma=0.5),
    dict(name="clipped, gelu, regression", classes=0, hidden=[8], activation="gelu", optimizer="sgd", learning_rate=0.1,
         momentum=0.0, clip_norm=0.2),
]


def network(case, features, outputs):
    layers, p = [], features
    for q in case["hidden"]:
        norm = case.get("batch_norm", False)
        layers.append(nn.Linear(p, q, bias=not norm))
        if norm:
            layers.append(nn.BatchNorm1d(q))
        layers.append(ACTIVATIONS[case["activation"]]())
        p = q
    layers.append(nn.Linear(p, outputs))
    return nn.Sequential(*layers)


def flat(net, of):
    """The weights, or their gradients, as the package lays them out."""
    parts = []
    layers = [l for l in net if not isinstance(l, tuple(type(a()) for a in ACTIVATIONS.values()))]
    for i, layer in enumerate(layers):
        if isinstance(layer, nn.BatchNorm1d):
            parts += [of(layer.bias), of(layer.weight)]
            continue
        parts.append(of(layer.weight).T)
        if layer.bias is not None:
            parts.append(of(layer.bias))
    return np.concatenate([p.reshape(-1) for p in parts])


def averages(net):
    parts = [np.zeros(0)]
    for layer in net:
        if isinstance(layer, nn.BatchNorm1d):
            parts += [layer.running_mean.numpy(), layer.running_var.numpy()]
    return np.concatenate(parts)


def loss_of(case, z, y):
    smoothing = case.get("label_smoothing", 0.0)
    if case["classes"] == 0:
        return ((z[:, 0] - y) ** 2).mean() / 2
    if case["classes"] == 2:
        t = y * (1 - smoothing) + smoothing / 2
        return nn.functional.binary_cross_entropy_with_logits(z[:, 0], t)
    return nn.functional.cross_entropy(z, y.long(), label_smoothing=smoothing)


def optimizer_of(case, net):
    decay = case.get("weight_decay", case.get("l2", 0.0))
    linear = [l.weight for l in net if isinstance(l, nn.Linear)]
    rest = [p for p in net.parameters() if all(p is not w for w in linear)]
    groups = [dict(params=linear, weight_decay=decay), dict(params=rest, weight_decay=0.0)]
    rate = case["learning_rate"]
    if case["optimizer"] == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=case["momentum"], nesterov=case.get("nesterov", False))
    kind = torch.optim.AdamW if case["optimizer"] == "adamw" else torch.optim.Adam
    return kind(groups, lr=rate, betas=(case.get("beta1", 0.9), case.get("beta2", 0.999)), eps=case.get("epsilon", 1e-8))


def train(case, x, y, start, dtype):
    net = network(case, FEATURES, 1 if case["classes"] < 3 else case["classes"]).to(dtype)
    if start is not None:
        net.load_state_dict({k: torch.from_numpy(v).to(dtype) for k, v in start.items()})
    x, y = torch.from_numpy(x).to(dtype), torch.from_numpy(y).to(dtype)
    optimizer = optimizer_of(case, net)
    batches = (ROWS + BATCH - 1) // BATCH
    scheduler = None
    if case.get("schedule") == "cosine":
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS * batches)
    if case.get("schedule") == "step":
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=case["step_size"] * batches, gamma=case["gamma"])
    out = {"start": flat(net, lambda p: p.detach().numpy()), "weights": []}
    net.train()
    for _ in range(EPOCHS):
        for lo in range(0, ROWS, BATCH):
            optimizer.zero_grad()
            loss = loss_of(case, net(x[lo:lo + BATCH]), y[lo:lo + BATCH])
            loss.backward()
            if "gradient" not in out:
                out["gradient"] = flat(net, lambda p: p.grad.numpy())
                out["loss"] = loss.item()
            if "clip_norm" in case:
                nn.utils.clip_grad_norm_(net.parameters(), case["clip_norm"])
            optimizer.step()
            if scheduler:
                scheduler.step()
        out["weights"].append(flat(net, lambda p: p.detach().numpy()))
    out["averages"] = averages(net)
    net.eval()
    with torch.no_grad():
        z = net(x)
        if case["classes"] == 2:
            z = torch.cat([torch.sigmoid(-z), torch.sigmoid(z)], 1)
        elif case["classes"] == 3:
            z = torch.softmax(z, 1)
    out["outputs"] = z.numpy().reshape(-1)
    return out


def main():
    torch.manual_seed(1)
    rng = np.random.default_rng(2)
    x = rng.standard_normal((ROWS, FEATURES)).astype(np.float32)
    bent = x[:, 0] * x[:, 1] + np.abs(x[:, 2])
    cases = []
    for case in CASES:
        if case["classes"] == 0:
            y = ((bent - bent.mean()) / bent.std()).astype(np.float32)
        else:
            y = np.digitize(bent, np.quantile(bent, np.arange(1, case["classes"]) / case["classes"])).astype(np.float32)
        first = network(case, FEATURES, 1 if case["classes"] < 3 else case["classes"])
        start = {k: v.numpy() for k, v in first.state_dict().items()}
        exact = train(case, x.astype(np.float64), y.astype(np.float64), start, torch.float64)
        rough = train(case, x, y, start, torch.float32)
        cases.append(dict(
            case, y=[float(v) for v in y], start=rounded(exact["start"], 9), gradient=rounded(exact["gradient"], 10), loss=exact["loss"],
            weights=[rounded(w, 10) for w in exact["weights"]], averages=rounded(exact["averages"], 10), outputs=rounded(exact["outputs"], 10),
            spread=max(float(np.abs(a - b).max()) for a, b in zip(exact["weights"], rough["weights"])),
        ))
    json.dump(dict(torch=torch.__version__, features=FEATURES, batch=BATCH, epochs=EPOCHS, x=rounded(x.reshape(-1), 9), cases=cases), sys.stdout)
    print()


def rounded(v, digits):
    return [float(f"{float(e):.{digits}g}") for e in v]


if __name__ == "__main__":
    main()
