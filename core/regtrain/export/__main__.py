"""`python -m regtrain.export FOLDER` exports what FOLDER/request.json says; `--check FOLDER` checks the file in it,
`--compress FOLDER` quantizes or prunes a model and measures it."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from regtrain.errors import RegtrainError, brief
from regtrain.host import Host
from regtrain.run_dir.codec import read_value, write_json, write_value
from regtrain.types.exporting import MADE, PROBLEM, REPORT, REQUEST, CompressRequest, ExportRequest, Made


def main(words: list[str]) -> int:
    """0, or the exit code of the problem, which is left in the folder."""
    folder = Path(words[-1])
    try:
        if words[0] == "--compress":
            from regtrain.export.compress import compress

            asked = read_value(folder / REQUEST, CompressRequest, newest=1)
            write_value(folder / MADE, compress(asked, folder, Host()))
            return 0
        request = read_value(folder / REQUEST, ExportRequest, newest=1)
        if words[0] == "--check":
            from regtrain.export.check import check

            write_json(folder / REPORT, check(read_value(folder / MADE, Made, newest=1), folder, Host(), request.args))
        else:
            from regtrain.export.make import make

            write_value(folder / MADE, make(request, folder, Host()))
    except (Exception, SystemExit) as problem:
        traceback.print_exc()
        code, hint, exit_code = "export", "", 1
        message = f"{type(problem).__name__}: {brief(problem)}"
        if isinstance(problem, RegtrainError):
            code, message, hint, exit_code = problem.code, problem.message, problem.hint, problem.exit_code
        facts = {"code": code, "message": message, "hint": hint, "exit_code": exit_code}
        write_json(folder / PROBLEM, facts)
        return exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
