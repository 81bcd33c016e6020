"""Model cards, plots of metrics, and what else a checkout adds to the files of a version."""
