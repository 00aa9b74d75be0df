"""PyTorch as a program that a worker runs as a trial, and that goes on from its checkpoint.

Inside a trial the parameters, the checkpoint directory and the budget come from the worker; run by itself it trains
with the defaults and prints its metrics as lines of JSON:

    python examples/python/pytorch_trial.py
"""
import torch

import tourney

p = tourney.params(learning_rate=0.05, hidden=16)
epochs = tourney.budget(otherwise=5)
checkpoint = tourney.checkpoint_dir() / "model.pt"

torch.manual_seed(0)
torch.set_num_threads(1)
device = "cuda" if torch.cuda.is_available() else "cpu"
X = torch.rand(512, 2, device=device)
y = (X.sum(1) > 1).float()

model = torch.nn.Sequential(torch.nn.Linear(2, int(p["hidden"])), torch.nn.ReLU(), torch.nn.Linear(int(p["hidden"]), 1)).to(device)
optimiser = torch.optim.Adam(model.parameters(), lr=p["learning_rate"])
epoch = 0
if checkpoint.exists():
    state = torch.load(checkpoint, map_location=device)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    epoch = state["epoch"]

while epoch < epochs and not tourney.should_stop():
    for rows in torch.randperm(len(X), device=device).split(64):
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(X[rows]).squeeze(1), y[rows])
        loss.backward()
        optimiser.step()
    epoch += 1
    with torch.no_grad():
        logits = model(X).squeeze(1)
        tourney.report(epoch, loss=torch.nn.functional.binary_cross_entropy_with_logits(logits, y).item(),
                       accuracy=((logits > 0) == (y > 0.5)).float().mean().item())
    torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "epoch": epoch}, checkpoint)
