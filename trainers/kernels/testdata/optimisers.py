"""Steps of PyTorch's optimisers, for update_test.go.

    python optimisers.py > optimisers.json

Each case has the weights at first, the gradient of each step, and the weights
after each step, as torch 2 computes them on a CPU in float32 (foreach=False).
"""

import json
import random

import torch

STEPS, SIZE = 12, 7


def main():
    cases = [
        ("sgd", torch.optim.SGD, dict(lr=0.1)),
        ("sgd l2", torch.optim.SGD, dict(lr=0.05, weight_decay=0.3)),
        ("heavy ball", torch.optim.SGD, dict(lr=0.05, momentum=0.9, weight_decay=0.1)),
        ("nesterov", torch.optim.SGD, dict(lr=0.02, momentum=0.8, weight_decay=0.1, nesterov=True)),
        ("adam", torch.optim.Adam, dict(lr=0.01, betas=(0.9, 0.999), eps=1e-8)),
        ("adam l2", torch.optim.Adam, dict(lr=0.03, betas=(0.7, 0.95), eps=1e-3, weight_decay=0.2)),
        ("adamw", torch.optim.AdamW, dict(lr=0.02, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1)),
        ("adagrad", torch.optim.Adagrad, dict(lr=0.1, eps=1e-10)),
        ("adagrad l2", torch.optim.Adagrad, dict(lr=0.5, eps=1e-3, weight_decay=0.2)),
    ]
    draw = random.Random(5)
    print("[")
    for i, (name, make, options) in enumerate(cases):
        start = [draw.gauss(0, 1) for _ in range(SIZE)]
        gradients = [[draw.gauss(0, 10 ** draw.uniform(-3, 1)) for _ in range(SIZE)] for _ in range(STEPS)]
        w = torch.nn.Parameter(torch.tensor(start, dtype=torch.float32))
        begin = w.tolist()
        optimiser = make([w], foreach=False, **options)
        used, weights = [], []
        for g in gradients:
            w.grad = torch.tensor(g, dtype=torch.float32)
            used.append(w.grad.tolist())
            optimiser.step()
            weights.append(w.tolist())
        case = dict(name=name, options={k: (list(v) if isinstance(v, tuple) else v) for k, v in options.items()}, start=begin, gradients=used, weights=weights)
        print(json.dumps(case) + ("," if i + 1 < len(cases) else ""))
    print("]")


main()
