"""Flipped bits, cut files, and files that attack whoever reads them."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from regtrain_registry import ArtifactKind, FileToStore, Registration, Registry
from regtrain_registry.errors import BlobDamagedError, FileToStoreError
from regtrain_registry.ops.version_files import blobs_of
from regtrain_registry.store.blob import Damage
from regtrain_registry.testing.tensor_files import KB, MB, noise, write_tensors
from support.programs import program
from support.registry.evil_files import EVIL

GROWTH = 200 << 20  # bytes
CANARY = Path("/tmp/regtrain-canary")


@pytest.fixture
def filled(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Two versions of which the second is cut out of the first, with a small file beside the weights."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number in range(2):
        tensors = {"shared": noise("shared", MB), "own": noise(number, 100 * KB)}
        weights = write_tensors(tmp_path / f"weights-{number}", tensors)
        config = tmp_path / f"config-{number}"
        config.write_text(f"seed: {number}\n")
        files = (FileToStore(weights, "w", ArtifactKind.WEIGHTS), FileToStore(config, "c", ArtifactKind.CONFIG))
        registry.register(Registration("digits", files))
    return registry


def test_what_is_registered_again_is_whole_again(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a tensor was damaged that two versions share, each file that comes again can be read, also of before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    backbone = {f"b{n}": noise(n, MB) for n in range(3)}
    paths = [write_tensors(tmp_path / f"w{n}", backbone | {"head": noise(f"h{n}", 100 * KB)}) for n in range(2)]
    files = [(FileToStore(path, "w", ArtifactKind.WEIGHTS),) for path in paths]
    for some in files:
        registry.register(Registration("digits", some))
    shared = max((Path(registry.store_place) / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(shared.read_bytes())
    content[len(content) // 2] ^= 1
    shared.unlink()
    shared.write_bytes(content)
    for number in (1, 0):  # the second was cut out of the first
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        with pytest.raises(BlobDamagedError):
            registry.open_artifact(f"digits/{number + 1}", "w")
        again = registry.register(Registration("again", files[number]))
        for ref in (again.ref, f"digits/{number + 1}"):
            assert registry.open_artifact(ref, "w").read_bytes() == paths[number].read_bytes()


def assert_found(registry: Registry, path: Path, hurt: range, folder: Path) -> None:
    """Who reads a version that needs the hurt bytes of a file is told so, and by which digest; nothing is handed out.

    Others, which are cut from what is whole of that file, come back as they were.
    """
    whole = f"sha256:{path.name}"
    found = 0
    for ref in ("digits/1", "digits/2"):
        shown = registry.show(ref)
        blobs = blobs_of(registry._database, shown)
        for artifact in shown.artifacts:
            blob = blobs[artifact.digest]
            ranges = [range(p.start, p.start + p.size_bytes) for p in blob.ranges if p.source.digest == whole]
            ranges += [range(blob.size_bytes)] if blob.digest == whole else []
            if not any(used.start < hurt.stop and hurt.start < used.stop for used in ranges):
                assert registry.open_artifact(ref, artifact.path).is_file()
                continue
            found += 1
            assert registry._store.check(blob, read=True) in (Damage.CHANGED, Damage.SIZE)
            for read in (registry.open_artifact, lambda ref, name: registry.checkout(ref, folder)):
                with pytest.raises(BlobDamagedError, match=artifact.digest) as caught:
                    read(ref, artifact.path)
                assert caught.value.exit_code == 4
            assert not folder.exists()
    assert found


def damage(filled: Registry, tmp_path: Path, flips: int, cuts: int) -> None:
    """Damage one file of the store after another, in one place each, and mend it again."""
    chosen = random.Random(7)
    files = sorted((tmp_path / "home" / "blobs" / "sha256").iterdir())
    assert len(files) == 4
    for number in range(flips + cuts):
        path = files[number % len(files)]
        whole = path.read_bytes()
        path.chmod(0o600)
        if number < flips:
            at, bit = chosen.randrange(len(whole)), 1 << chosen.randrange(8)
            path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
            hurt = range(at, at + 1)
        else:
            hurt = range(chosen.randrange(len(whole)), len(whole))
            path.write_bytes(whole[: hurt.start])
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        assert_found(filled, path, hurt, tmp_path / "out")
        path.write_bytes(whole)
    for ref in ("digits/1", "digits/2"):
        filled.checkout(ref, tmp_path / ref)


def test_damaged_bytes_are_found(filled: Registry, tmp_path: Path) -> None:
    """A few flipped bits and cut files, in whole files and in those that others are cut from."""
    damage(filled, tmp_path, flips=12, cuts=8)


@pytest.mark.slow
def test_every_damage_is_found(filled: Registry, tmp_path: Path) -> None:
    """300 flipped bits and 200 cut files: each found on every read, with the digest."""
    damage(filled, tmp_path, flips=300, cuts=200)


@pytest.mark.slow
def test_evil_files_are_bytes(tmp_path: Path) -> None:
    """Pickles, header bombs, shapes that overflow, archives that lead outside: refused as safetensors, and stored and
    given back as they are under another name.

    Nothing is run and nothing written elsewhere; memory is limited, and the process hardly grows.
    """
    root = tmp_path.resolve()
    (root / "evil").mkdir()
    for name, content in EVIL.items():
        (root / "evil" / name).write_bytes(content())
    CANARY.unlink(missing_ok=True)
    script = program("registry/evil_files.py")
    environment = {**os.environ, "XDG_CACHE_HOME": str(root / "cache"), "TMPDIR": str(root)}
    command = [sys.executable, str(script), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= GROWTH
    assert not CANARY.exists()


def test_a_watched_process_would_notice(tmp_path: Path) -> None:
    """The hook of that program ends it when something is run or written outside."""
    script = program("registry/evil_files.py")
    for deed in ("import os; os.system('true')", "open('/tmp/regtrain-canary', 'w')"):
        code = f"import sys, pathlib; sys.path.insert(0, {str(script.parent)!r}); import evil_files; evil_files.watch(pathlib.Path({str(tmp_path)!r})); {deed}"
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode in (3, 4)
    CANARY.unlink(missing_ok=True)


@pytest.mark.parametrize("link", [True, False])
def test_what_is_no_file_is_refused(registry: Registry, tmp_path: Path, link: bool) -> None:
    """A FIFO, a socket's place, a device and a folder are refused, at once and by name."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "to-fifo").symlink_to(tmp_path / "fifo")
    for path in (
        tmp_path / "fifo",
        tmp_path / "folder",
        tmp_path / "to-fifo",
        Path("/dev/zero"),
    ):
        with pytest.raises(FileToStoreError, match=path.name):
            registry.register(Registration("digits", (FileToStore(path, "w", link=link),)))
    assert registry.models() == []
