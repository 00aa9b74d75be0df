"""Modules that stand in for others inside command trials. See tourney._shim.wandb."""
