"""Optimizers and schedulers of the package pytorch_optimizer, for regtrain."""
