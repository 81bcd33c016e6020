"""The Signum optimizer, Cohen's kappa and a journal of runs, for regtrain."""
