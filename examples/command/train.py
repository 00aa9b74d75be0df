"""Fits a line to noisy points by gradient descent: a stand-in for any training.

It knows nothing of tourney. Its parameters come as arguments, and what it
prints as name=value pairs is its learning curve.
"""

import argparse
import random


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning_rate", type=float, default=0.1)
    parser.add_argument("--momentum", type=float, default=0.0)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch_size", type=int, default=16)
    args = parser.parse_args()

    rng = random.Random(7)
    points = [(x, 3 * x - 2 + rng.gauss(0, 0.1)) for x in (rng.uniform(-1, 1) for _ in range(256))]
    train, valid = points[:192], points[192:]

    slope = intercept = step_s = step_i = 0.0
    for epoch in range(1, args.epochs + 1):
        rng.shuffle(train)
        for at in range(0, len(train), args.batch_size):
            batch = train[at : at + args.batch_size]
            errors = [(slope * x + intercept - y, x) for x, y in batch]
            step_s = args.momentum * step_s - args.learning_rate * sum(e * x for e, x in errors) / len(batch)
            step_i = args.momentum * step_i - args.learning_rate * sum(e for e, _ in errors) / len(batch)
            slope += step_s
            intercept += step_i
        loss = sum((slope * x + intercept - y) ** 2 for x, y in valid) / len(valid)
        print(f"epoch={epoch} loss={loss:.6f} slope={slope:.4f}")


if __name__ == "__main__":
    main()
