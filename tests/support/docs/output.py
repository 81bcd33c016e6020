"""Printed output against what stands in a page.

Ids, dates, times, digests, durations, sizes and the page's own folder differ from run to run: they are taken out on both sides.
So is the width of columns. Numbers behind the name of a metric depend on processor and torch. Those of a single epoch are not
compared: in the first ones the last bit of a sum grows to a quarter of the loss (0.44 and 0.63 on two instruction sets, both
0.10 at the end). Where a training ends, the page's may be off by a fifth, or by 0.1. A line `…` stands for any lines.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

HOME = "/home/me/project"
ELLIPSIS = "…"

PATTERNS = (
    (re.compile(r"\d{8}-\d{6}-([a-z0-9-]+?)-[0-9a-f]{4,32}\b"), r"ID-\1"),
    (re.compile(r"\b(sha256|blake3):[0-9a-f]+"), r"\1:DIGEST"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "UID"),
    (re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(\+00:00|Z)?"), "TIME"),
    (re.compile(r"\b20\d{2}-\d{2}-\d{2}\b"), "DATE"),
    (re.compile(r'("(?:seconds|time|size_bytes|size)": )[\d.]+'), r"\1N"),
    (re.compile(r"\b\d+(\.\d+)? (B|kB|MB|GB)\b"), "SIZE"),
    # which epoch is the best one can turn on the last bit of a metric
    (re.compile(r"\bat step \d+"), "at step N"),
    (re.compile(r"\bstep-\d{8}\b"), "step-N"),
    # how far an export is off, and what a call takes
    (re.compile(r"\blargest difference [\d.e+-]+"), "largest difference N"),
    (re.compile(r"\b[\d.e+-]+ \([\d.e+-]+ to [\d.e+-]+\)"), "N (N to N)"),
    (re.compile(r"\bregtrain-resume-\w+"), "regtrain-resume-N"),
)
EPOCH = re.compile(r"epoch \d+ step \d+/\d+ ")
NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
METRIC = re.compile(r'((?:train|val)/\w+"?:?|"value":)((?: ' + NUMBER + r"(?![\w.]))+)")


def normalised(text: str) -> str:
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return "\n".join(re.sub(r"[ \t]+", " ", line).rstrip() for line in text.rstrip().splitlines())


def without_folder(text: str, folder: Path, temporary: Path) -> str:
    """The page's folder and that of temporary files under the names that they have in pages."""
    for place, name in ((temporary, "/tmp"), (folder, HOME)):
        text = text.replace(str(place.resolve()), name).replace(str(place), name)
    return text


def same_output(expected: str, actual: str) -> bool:
    """Whether the page tells the truth. What it does not show at all is not compared."""
    wanted, seen = normalised(expected), normalised(actual)
    if not wanted:
        return True
    return _lines_match(wanted.splitlines(), seen.splitlines())


def _lines_match(wanted: list[str], seen: list[str]) -> bool:
    if not wanted:
        return not seen
    if wanted[0].strip() == ELLIPSIS:
        return any(_lines_match(wanted[1:], seen[start:]) for start in range(len(seen) + 1))
    return bool(seen) and _same_line(wanted[0], seen[0]) and _lines_match(wanted[1:], seen[1:])


def _same_line(wanted: str, seen: str) -> bool:
    if METRIC.sub(_counted, wanted) != METRIC.sub(_counted, seen):
        return False
    if EPOCH.match(wanted):
        return True
    pairs = zip(_metrics(wanted), _metrics(seen), strict=True)
    return all(math.isclose(one, other, rel_tol=0.2, abs_tol=0.1) for one, other in pairs)


def _counted(match: re.Match[str]) -> str:
    return match[1] + " #" * len(match[2].split())


def _metrics(line: str) -> list[float]:
    return [float(number) for _, numbers in METRIC.findall(line) for number in numbers.split()]
