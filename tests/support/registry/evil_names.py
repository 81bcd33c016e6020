"""Names that attack: `python evil_names.py FOLDER` uses each wherever the registry takes a name, below an audit hook.

Ends with an error when a path outside FOLDER is touched, when a name that must be refused is taken, or when the
refusal is not one of ours. Prints how many names were tried.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PATTERNS = (
    "../x", "..", "../../etc/passwd", "x/../../y", "x/..", "./x", "/etc/passwd", "//server/share", "~/x", "~root",
    "a\\..\\b", "..\\x", "C:\\x", "C:x", "\\\\server\\share", "\\\\?\\C:\\x", "x:stream",
    "%2e%2e", "%2e%2e%2fx", "%252e%252e", "..%2fx", "%00", "x%0ay", "..;/x", "x#y", "x?y", "file:///etc/passwd", "s3://bucket/x",
    "x\x00", "x\x00.safetensors", "x\ny", "x\r", "\x1b[31mx", "x\x7f", "\ufeffx", "x\u202ey", "x\u200by", "x\u2028y",
    "\u0445", "m\u043edel", "\uff0e\uff0e", "\uff0fx", "\u2025", "\u2215x", "caf\u00e9", "\u0131", "\u212a", "x\u0301", "\U0001f600", "\ud800",
    "-x", "--help", "-rf", "--", "-", "@x", "+x", "=x",
    "con", "nul.txt", "COM1", "lpt9.x", "aux",
    "", " ", " x", "x ", "x y", "\t", ".", ".x", "x.", ".git", "x..y", "X", "Model", "_x", "x_", "x/", "/x", "x//y",
    "$(id)", "`id`", "x;id", "x|id", "x&id", "x>y", "x'y", 'x"y', "x*", "x?", "[x]", "{x}", "$HOME", "%PATH%", "!x",
    "' OR 1=1 --", "x'; DROP TABLE rt_models; --", "<script>", "{{7*7}}", "${jndi:ldap://x}",
    "a" * 65, "a" * 256, "a" * 5000, "a/" * 200 + "a",
)  # fmt: skip
# What one place takes may be refused by another: model names never hold any of these, artifacts may have folders.
FREE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/")
PLAIN = {"Model", "X", "x_", "_x", "con", "aux", "nul.txt", "lpt9.x", "COM1"}


def names(count: int) -> Iterator[str]:
    """The patterns, and mixtures of them that no rule of names takes."""
    chosen = random.Random(11)
    yield from PATTERNS
    bad = [pattern for pattern in PATTERNS if pattern not in PLAIN and pattern.strip() and len(pattern) < 100]
    for _ in range(count - len(PATTERNS)):
        first, second = chosen.choice(bad), chosen.choice(bad)
        shapes = (f"{first}/{second}", f"{first}{second}", f"model-{first}", f"{first}.safetensors", f"a{first}b")
        mixed = chosen.choice(shapes)
        yield f"{mixed} " if set(mixed) <= FREE and ".." not in mixed else mixed  # made of plain parts alone


def watch(root: Path) -> Callable[[], list[str]]:
    """Collects what is touched outside `root`; modules and the system's own files may be read."""
    seen: list[str] = []
    allowed = tuple(
        {f"{root}{os.sep}", *(f"{Path(p).resolve()}{os.sep}" for p in (sys.prefix, sys.base_prefix, *sys.path) if p)}
    )
    reading = ("/etc/", "/usr/", "/proc/self/", "/proc/sys/", "/dev/", "/lib", "/sys/")
    events = {"open", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
              "os.chown", "os.utime", "os.listdir", "os.scandir", "shutil.rmtree", "shutil.copyfile", "shutil.move", "os.system",
              "subprocess.Popen", "socket.connect", "sqlite3.connect", "tempfile.mkdtemp", "tempfile.mkstemp"}  # fmt: skip

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in events:
            return
        for value in arguments[:2]:
            text = os.fsdecode(value) if isinstance(value, (bytes, os.PathLike)) else value
            if not isinstance(text, str) or (event == "open" and value is not arguments[0]):
                continue
            path = os.path.normpath(os.path.join(os.getcwd(), text))  # noqa: PTH118, PTH109 - no Path inside the hook
            plain_read = event in ("open", "os.listdir", "os.scandir") and not (event == "open" and arguments[2] & 3)
            if path != str(root) and not path.startswith(allowed) and not (plain_read and path.startswith(reading)):
                seen.append(f"{event} {path}")

    sys.addaudithook(audit)
    return lambda: seen


def main(root: Path, count: int) -> None:
    from regtrain_registry import FileToStore, ParentLink, Registration, Registry, Relation, RunStart
    from regtrain_registry.errors import RegistryError

    os.chdir(root)
    registry = Registry(f"sqlite:///{root}/registry.db")
    file = root / "weights"
    file.write_bytes(b"weights")
    registry.register(Registration("good", (FileToStore(file, "w"),)))
    registry.set_alias("good", "champion")
    outside = watch(root)
    tried, taken = 0, []
    for name in names(count):
        tried += 1
        parent = (ParentLink(name, Relation.RESUMED_FROM),)
        attempts: dict[str, Callable[[], Any]] = {
            "model": lambda name=name: registry.register(Registration(name, (FileToStore(file, "w"),))),
            "artifact": lambda name=name: registry.register(Registration("good", (FileToStore(file, name),))),
            "parent": lambda parent=parent: registry.register(
                Registration("good", (FileToStore(file, "w"),), parents=parent)
            ),
            "alias": lambda name=name: registry.set_alias("good", name),
            "alias of": lambda name=name: registry.set_alias(name, "champion"),
            "show": lambda name=name: registry.show(name),
            "show alias": lambda name=name: registry.show(f"good@{name}"),
            "show number": lambda name=name: registry.show(f"good/{name}"),
            "checkout": lambda name=name: registry.checkout(name, root / "out"),
            "open": lambda name=name: registry.open_artifact("good@champion", name),
            "version": lambda name=name: registry.register(Registration("good", (), version=name)),
            "tag": lambda name=name: registry.tag("good", name, "value"),
        }
        for place, attempt in attempts.items():
            try:
                attempt()
            except RegistryError as refusal:
                assert refusal.exit_code in (2, 3), (place, name, refusal)
            else:
                taken.append((place, name))
        registry.start_run(RunStart(f"run-{tried}", name[:200], f"/runs/{tried}"))  # free text, never a path
    assert not outside(), outside()[:5]
    wrong = [(place, name) for place, name in taken if not (place in ("artifact", "tag") and set(name) <= FREE)]
    assert not wrong, wrong
    assert {model.name for model in registry.models()} == {"good"}
    for version in registry.versions("good"):
        target = root / "all" / str(version.number)
        for path in registry.checkout(version.ref, target):
            assert path.resolve().is_relative_to(target), path
    assert not outside(), outside()[:5]
    print(tried)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
