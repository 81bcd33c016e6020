"""What loading costs: `python benchmarks/startup.py [--json]`. Each figure is a median over new interpreters."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile

REPEAT = 7
CASES = {
    "sqlmodel": "import sqlmodel",
    "registry_names": "from regtrain_registry import check_name, parse_ref, locate",
    "registry": "from regtrain_registry import Registry",
    "registry_open_and_list": "from regtrain_registry import Registry; Registry({uri!r}, create=False).models()",
}


def milliseconds(statement: str) -> float:
    """Time of the statement inside a new interpreter, without the interpreter's own start."""
    program = f"import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    times = []
    for _ in range(REPEAT):
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        times.append(float(done.stdout))
    return statistics.median(times) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="What loading costs.")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/registry.db"
        subprocess.run([sys.executable, "-c", f"from regtrain_registry import Registry; Registry({uri!r})"], check=True)
        result = {f"{name}_ms": milliseconds(code.format(uri=uri)) for name, code in CASES.items()}
    if as_json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:28} {value:10.2f}")


if __name__ == "__main__":
    main()
