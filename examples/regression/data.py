"""Writes diabetes-train.csv and diabetes-val.csv beside this file: `python data.py [FOLDER]`."""

import csv
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes


def write(folder: Path) -> None:
    """442 patients of scikit-learn, ten measurements each; `progression` is what is to be learned."""
    loaded = load_diabetes()
    features = loaded.data / loaded.data.std(axis=0)
    order = np.random.default_rng(0).permutation(len(loaded.target))
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("val", order[:88]), ("train", order[88:])):
        with (folder / f"diabetes-{name}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow([*loaded.feature_names, "progression"])
            table.writerows([*features[row].round(5).tolist(), loaded.target[row]] for row in rows)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
