"""A disk that keeps only what it was asked to keep: what a folder holds after the power went, at any moment of a log.

The strictest reading of POSIX: bytes are durable once their file was synchronised, a name once its folder was. What
was asked for and not yet made durable may be there in part, in any order; a rename is there whole or not at all.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from support.faults.shim import Call, Op

SECTOR = 512


@dataclass(eq=False)
class File:
    """The bytes that are durable, and the changes since: written at an offset, or cut to a size (no bytes)."""

    durable: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def synchronise(self) -> None:
        """Make every change durable."""
        self.durable = self.after(self.pending)
        self.pending = []

    def after(self, changes: list[tuple[int, bytes | None]]) -> bytes:
        """The durable bytes with some changes made."""
        content = bytearray(self.durable)
        for at, data in changes:
            end = at if data is None else at + len(data)
            content.extend(bytes(max(0, end - len(content))))
            if data is None:
                del content[at:]
            else:
                content[at:end] = data
        return bytes(content)

    def lost(self, chance: random.Random | None) -> bytes:
        """What is left: nothing that was not synchronised, or by chance some of it, perhaps the half of a write."""
        if chance is None:
            return self.durable
        kept = [self._torn(change, chance) for change in self.pending if chance.random() < 0.5]
        return self.after(kept)

    @staticmethod
    def _torn(change: tuple[int, bytes | None], chance: random.Random) -> tuple[int, bytes | None]:
        at, data = change
        if data is None or len(data) <= SECTOR or chance.random() < 0.5:
            return change
        return at, data[: SECTOR * chance.randrange(1, len(data) // SECTOR + 1)]


@dataclass(eq=False)
class Folder:
    """Names as programs see them."""

    names: dict[str, Node] = field(default_factory=dict)


Node = File | Folder


@dataclass(eq=False)
class Change:
    """Names that change together: what each stands for afterwards, None for nothing."""

    names: dict[tuple[Folder, str], Node | None]
    durable: bool = False


class Disk:
    """A folder whose content is durable at first, and what calls do to it."""

    def __init__(self, content: Path, root: Path) -> None:
        """content: the folder as it was; root: the path that it has in the log."""
        self._root = PurePosixPath(root)
        self._top = _read(content)
        self._before = _names_of(self._top)
        self._changes: list[Change] = []

    def apply(self, call: Call) -> None:
        """Do what a call did."""
        if call.created < 0 or call.path.endswith(" (deleted)"):
            return
        match call.op:
            case Op.OPEN if call.created == 1:
                self._rename({call.path: File()})
            case Op.OPEN if call.created == 2:
                self._file(call.path).pending.append((0, None))
            case Op.WRITE:
                self._file(call.path).pending.append((call.offset, call.data))
            case Op.TRUNCATE:
                self._file(call.path).pending.append((call.size, None))
            case Op.SYNC:
                self._synchronise(call.path)
            case Op.MKDIR:
                self._rename({call.path: Folder()})
            case Op.UNLINK | Op.RMDIR:
                self._rename({call.path: None})
            case Op.RENAME:
                self._rename({call.path: None, call.other: self._find(call.path)})
            case Op.LINK:
                self._rename({call.other: self._find(call.path)})
            case Op.SYMLINK:
                raise NotImplementedError("the registry makes no symbolic links")

    def write(self, target: Path, chance: random.Random | None) -> None:
        """Write what the next start would find; what was not synchronised is lost, or by chance some of it."""
        names = {folder: dict(entries) for folder, entries in self._before.items()}
        for change in self._changes:
            if change.durable or (chance is not None and chance.random() < 0.5):
                for (folder, name), node in change.names.items():
                    names.setdefault(folder, {})[name] = node
        _write(self._top, target, names, chance)

    def _find(self, path: str) -> Node:
        node: Node = self._top
        for part in PurePosixPath(path).relative_to(self._root).parts:
            assert isinstance(node, Folder), path
            node = node.names[part]
        return node

    def _file(self, path: str) -> File:
        node = self._find(path)
        assert isinstance(node, File), path
        return node

    def _rename(self, changed: dict[str, Node | None]) -> None:
        change = Change({})
        for path, node in changed.items():
            folder, name = self._find(str(PurePosixPath(path).parent)), PurePosixPath(path).name
            assert isinstance(folder, Folder), path
            change.names[folder, name] = node
            if node is None:
                folder.names.pop(name)
            else:
                folder.names[name] = node
        self._changes.append(change)

    def _synchronise(self, path: str) -> None:
        node = self._find(path)
        if isinstance(node, File):
            node.synchronise()
            return
        for change in self._changes:
            if any(folder is node for folder, _ in change.names):
                change.durable = True


def _read(path: Path) -> Folder:
    folder = Folder()
    for entry in sorted(path.iterdir()):
        folder.names[entry.name] = _read(entry) if entry.is_dir() else File(entry.read_bytes())
    return folder


def _names_of(top: Folder) -> dict[Folder, dict[str, Node | None]]:
    found: dict[Folder, dict[str, Node | None]] = {top: dict(top.names)}
    for node in top.names.values():
        if isinstance(node, Folder):
            found |= _names_of(node)
    return found


def _write(
    folder: Folder, target: Path, names: dict[Folder, dict[str, Node | None]], chance: random.Random | None
) -> None:
    target.mkdir()
    for name, node in names.get(folder, {}).items():
        if isinstance(node, Folder):
            _write(node, target / name, names, chance)
        elif node is not None:
            (target / name).write_bytes(node.lost(chance))


def moments(calls: list[Call]) -> Iterator[tuple[int, int]]:
    """Each moment after a call at which the power may go, and the number of steps acknowledged by then."""
    acknowledged = 0
    for number, call in enumerate(calls):
        acknowledged += call.op is Op.MARK
        yield number, acknowledged
