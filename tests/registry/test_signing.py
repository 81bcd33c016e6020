"""Signatures with real keys: what they cover, and that anybody verifies them without regtrain."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from regtrain_registry import ArtifactKind, FileToStore, ParentLink, Recipe, Registry, Relation
from regtrain_registry.errors import (
    BlobDamagedError,
    NameNotAllowedError,
    NotSignedError,
    PolicyError,
    PromotionRefusedError,
    SignatureBrokenError,
    SigningKeyError,
    SigningUnavailableError,
)
from support.registry.archive_files import changed
from support.registry.keys import make_key
from support.registry.places import Place, make_place

PASSWORD = "opensesame"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path / "home")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return make_key(tmp_path, "ada")


@pytest.fixture
def signed(place: Place, key: Path) -> Registry:
    """digits@1.0.1 with two files and a parent, signed."""
    place.register()
    config = place.named(place.weights(b"lr: 0.1\n").path, "config.yaml")
    place.register(
        files=(place.weights(b"better"), config),
        recipe=Recipe(config={"lr": 0.1}, data={"train": "sha256:ab"}),
        parents=(ParentLink("digits", Relation.RESUMED_FROM),),
        version="1.0.1",
        force=True,
    )
    registry = place.open()
    registry.sign("digits", key)
    return registry


def stranger_says(folder: Path, public: Path) -> list[str]:
    """The words of `model_signing`, which knows nothing of regtrain."""
    return ["verify", "key", "--signature", str(folder / "model.sig"), "--public_key", str(public), str(folder)]


def by_stranger(folder: Path, public: Path) -> Result:
    """Its command line, in this process: to import it takes longer than to verify."""
    from model_signing._cli import main

    return CliRunner().invoke(main, stranger_says(folder, public))


def test_a_signature_covers_files_config_data_and_parents(signed: Registry, key: Path, tmp_path: Path) -> None:
    """All of it stands in the statement, which is one of the files that are signed; the history tells who signed."""
    found = signed.verify("digits", key.with_suffix(".pub"))
    assert found.signed_by is not None
    assert [file.problem for file in found.files] == [None, None]
    signed.checkout("digits", tmp_path / "out")
    said = json.loads((tmp_path / "out/statement.json").read_text())
    version, parent = signed.show("digits"), signed.show("digits/1")
    assert (said["model"], said["version"], said["number"], said["digest"]) == ("digits", "1.0.1", 2, version.digest)
    assert {file["path"]: file["digest"] for file in said["files"]} == {a.path: a.digest for a in version.artifacts}
    assert (said["config"], said["data"]) == ({"lr": 0.1}, {"train": "sha256:ab"})
    assert [(one["version"], one["digest"], one["relation"]) for one in said["parents"]] == [
        ("1.0.0", parent.digest, "resumed_from")
    ]
    assert [event.kind for event in signed.history("digits@1.0.1")] == ["signed", "registered"]


def test_a_stranger_verifies_a_checkout(signed: Registry, key: Path, tmp_path: Path) -> None:
    """With `model_signing` and nothing else; one flipped byte anywhere is refused, naming the file."""
    folder = tmp_path / "out"
    signed.checkout("digits", folder)
    assert (folder / "model_card.md").exists()
    public = key.with_suffix(".pub")
    command = [Path(sys.executable).with_name("model_signing"), *stranger_says(folder, public)]
    alone = subprocess.run(command, capture_output=True, text=True, check=False)
    assert alone.returncode == 0, alone.stdout + alone.stderr
    for name in ("config.yaml", "model.bin", "statement.json"):
        content = (folder / name).read_bytes()
        (folder / name).chmod(0o600)
        (folder / name).write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
        done = by_stranger(folder, public)
        assert (done.exit_code != 0, name in done.output) == (True, True)
        (folder / name).write_bytes(content)
    (folder / "more.txt").write_text("x")
    assert by_stranger(folder, public).exit_code != 0
    (folder / "more.txt").unlink()
    assert by_stranger(folder, public).exit_code == 0
    assert by_stranger(folder, make_key(tmp_path, "eve").with_suffix(".pub")).exit_code != 0


def test_a_flipped_byte_in_the_store_is_named(signed: Registry, key: Path, place: Place) -> None:
    """Before any signature is looked at; and what is damaged cannot be signed."""
    digest = next(a.digest for a in signed.show("digits").artifacts if a.path == "config.yaml")
    file = place.folder / "blobs/sha256" / digest.removeprefix("sha256:")
    file.chmod(0o600)
    file.write_bytes(b"lr: 0.2\n")
    found = signed.verify("digits", key.with_suffix(".pub"))
    assert [(one.artifact.path, one.problem) for one in found.damaged] == [("config.yaml", "changed")]
    assert found.signed_by is None
    with pytest.raises(BlobDamagedError, match=r"config\.yaml"):
        signed.sign("digits", key)


ROWS = {
    "UPDATE rt_versions SET config = '{\"lr\": 0.3}' WHERE number = 2": "config",
    "UPDATE rt_versions SET git_commit = 'abc' WHERE number = 2": "source",
    "DELETE FROM rt_lineage": "parents",
    "UPDATE rt_versions SET digest = 'sha256:00' WHERE number = 1": "parents",
    "UPDATE rt_registry SET uid = '11111111-2222-3333-4444-555555555555'": "registry",
}


@pytest.mark.parametrize("statement", ROWS)
def test_rows_that_were_changed_after_signing_are_found(
    statement: str, signed: Registry, key: Path, place: Place
) -> None:
    """What the registry says of a signed version is what was signed, or it is told."""
    place.execute(statement)
    with pytest.raises(SignatureBrokenError, match=ROWS[statement]):
        signed.verify("digits", key.with_suffix(".pub"))


def test_a_file_that_was_replaced_with_its_rows_is_found(signed: Registry, key: Path, place: Place) -> None:
    """Row, digest and statement changed together still do not fit the signature."""
    other = place.register("other", files=(place.weights(b"poison"),)).digest
    old = next(a.digest for a in signed.show("digits").artifacts if a.path == "model.bin")
    place.execute(
        f"UPDATE rt_artifacts SET digest = '{other}' WHERE digest = '{old}'",
        f"UPDATE rt_versions SET digest = '{other}' WHERE digest = '{old}'",
        f"UPDATE rt_signatures SET statement = replace(statement, '{old}', '{other}')",
    )
    assert signed.show("digits").digest == other
    with pytest.raises(SignatureBrokenError, match=r"model\.bin"):
        signed.verify("digits", key.with_suffix(".pub"))


def test_a_signature_of_somebody_else_does_not_count(signed: Registry, key: Path, tmp_path: Path) -> None:
    """Nor is a bundle taken for the key that it names; several people may sign."""
    eve = make_key(tmp_path, "eve")
    with pytest.raises(NotSignedError, match=r"eve\.pub") as caught:
        signed.verify("digits", eve.with_suffix(".pub"))
    assert caught.value.exit_code == 1
    signed.sign("digits", eve)
    for one in (key, eve):
        assert signed.verify("digits", one.with_suffix(".pub")).signed_by
    names = {str(path.relative_to(tmp_path / "out")) for path in signed.checkout("digits", tmp_path / "out")}
    assert {"model.sig", "statement.json"} < names
    assert len([name for name in names if name.startswith("signatures/")]) == 1
    assert by_stranger(tmp_path / "out", eve.with_suffix(".pub")).exit_code == 0


def test_a_bundle_that_another_key_made_is_refused(signed: Registry, key: Path, place: Place, tmp_path: Path) -> None:
    """Whatever the row says of whose it is, and whatever a bundle is."""
    eve = make_key(tmp_path, "eve")
    signed.sign("digits", eve)
    key_id = signed.verify("digits", key.with_suffix(".pub")).signed_by
    bundle = place.execute(f"SELECT bundle FROM rt_signatures WHERE key_id != '{key_id}'")[0][0]
    for text in (bundle, "{}", "[]", "", "nonsense", bundle.replace('"hint"', '"wink"')):
        quoted = text.replace("'", "''")
        place.execute(f"UPDATE rt_signatures SET bundle = '{quoted}' WHERE key_id = '{key_id}'")
        with pytest.raises(SignatureBrokenError):
            signed.verify("digits", key.with_suffix(".pub"))


def test_signatures_travel_with_their_version(signed: Registry, key: Path, tmp_path: Path) -> None:
    """They hold under whatever name the version has elsewhere."""
    signed.export_archive(["digits"], tmp_path / "a.tar")
    there = make_place(tmp_path / "there")
    there.register(files=(there.weights(b"own"),), version="1.0.1")
    made = there.open().import_archive(tmp_path / "a.tar")
    ref = made[-1].ref
    assert ref.startswith("digits@1.0.1-from-")
    assert there.open().verify(ref, key.with_suffix(".pub")).signed_by
    there.open().checkout(ref, tmp_path / "out")
    assert by_stranger(tmp_path / "out", key.with_suffix(".pub")).exit_code == 0


def test_keys_that_are_none_are_refused(signed: Registry, key: Path, tmp_path: Path) -> None:
    """One error each, which says how a key is made; a password is asked for and used."""
    edwards = tmp_path / "edwards.pem"
    private = ed25519.Ed25519PrivateKey.generate()
    edwards.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    locked = make_key(tmp_path, "locked", PASSWORD)
    for bad in (tmp_path / "nothing", tmp_path, edwards, key.with_suffix(".pub"), locked):
        with pytest.raises(SigningKeyError) as caught:
            signed.sign("digits", bad)
        assert "openssl ecparam" in caught.value.hint
    with pytest.raises(SigningKeyError):
        signed.sign("digits", locked, "wrong")
    signed.sign("digits", locked, PASSWORD)
    assert signed.verify("digits", locked.with_suffix(".pub")).signed_by
    for bad in (tmp_path / "nothing", key, edwards):
        with pytest.raises(SigningKeyError):
            signed.verify("digits", bad)


def test_names_of_the_signature_are_not_files_of_a_version(place: Place, key: Path) -> None:
    """Such a version cannot be signed, and says why."""
    place.register(files=(place.named(place.weights().path, "model.sig"),))
    with pytest.raises(NameNotAllowedError, match=r"model\.sig"):
        place.open().sign("digits", key)


def test_a_versions_own_card_and_plots_are_signed(place: Place, key: Path, tmp_path: Path) -> None:
    """Left out of the signature is only what regtrain writes itself."""
    files = (place.weights(), place.named(place.weights(b"mine").path, "model_card.md"))
    place.register(files=(*files, FileToStore(files[0].path, "plots/a.svg", ArtifactKind.OTHER)))
    registry = place.open()
    registry.sign("digits", key)
    registry.checkout("digits", tmp_path / "out")
    assert by_stranger(tmp_path / "out", key.with_suffix(".pub")).exit_code == 0
    for name in ("model_card.md", "plots/a.svg"):
        content = (tmp_path / "out" / name).read_bytes()
        (tmp_path / "out" / name).write_bytes(b"other")
        assert by_stranger(tmp_path / "out", key.with_suffix(".pub")).exit_code != 0
        (tmp_path / "out" / name).write_bytes(content)


def test_without_the_packages_the_error_says_how_to_get_them(
    signed: Registry, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 5."""
    monkeypatch.setitem(sys.modules, "model_signing", None)
    with pytest.raises(SigningUnavailableError) as caught:
        signed.sign("digits", key)
    assert (caught.value.exit_code, "regtrain[signing]" in caught.value.hint) == (5, True)


def test_a_gate_verifies_a_signature_that_was_imported(signed: Registry, key: Path, tmp_path: Path) -> None:
    """With the key that it names; from then on the signature counts without a key, too."""
    signed.export_archive(["digits"], tmp_path / "a.tar")
    there = make_place(tmp_path / "there").open()
    there.import_archive(tmp_path / "a.tar")
    with pytest.raises(PromotionRefusedError, match="no signature that was made or verified here"):
        there.promote("digits", "production", {"signed": True})
    gates = {"signed": {"by": str(key.with_suffix(".pub"))}}
    _, evidence = there.promote("digits", "staging", gates)
    assert [(one.gate.startswith("signed by "), one.found) for one in evidence if "signed" in one.gate] == [
        (True, "yes")
    ]
    there.promote("digits", "production", {"signed": True})
    assert [event.kind.value for event in there.history("digits@1.0.1")[::-1]] == [
        *("imported", "verified", "promoted", "promoted"),
    ]


def test_rubbish_in_an_archive_satisfies_no_gate(signed: Registry, key: Path, tmp_path: Path) -> None:
    """Neither under the id of the real key, nor under any other; nor does another key than the one that is asked for."""
    public, eve = key.with_suffix(".pub"), make_key(tmp_path, "eve")
    signed.export_archive(["digits"], tmp_path / "a.tar")

    def change(manifest: dict[str, Any]) -> None:
        for version in manifest["versions"]:
            for signature in version["signatures"]:
                signature["bundle"] = '{"rubbish": true}'

    there = make_place(tmp_path / "there").open()
    there.import_archive(changed(tmp_path / "a.tar", tmp_path / "evil.tar", change))
    for gates in ({"signed": True}, {"signed": {"by": str(public)}}):
        with pytest.raises(PromotionRefusedError, match="signed"):
            there.promote("digits", "production", gates)
    with pytest.raises(PromotionRefusedError, match="not signed by it"):
        signed.promote("digits", "production", {"signed": {"by": [str(public), str(eve.with_suffix(".pub"))]}})
    signed.promote("digits", "production", {"signed": {"by": str(public)}})


def test_a_policy_keeps_the_keys_of_its_gates(signed: Registry, key: Path, tmp_path: Path) -> None:
    """As text: their files may go. What is no public key makes no policy."""
    public = key.with_suffix(".pub")
    text = public.read_text()
    for written in (str(public), text):
        stored = signed.set_policy("digits", {"stages": {"production": {"signed": {"by": written}}}})
        assert stored == {"stages": {"production": {"signed": {"by": [text]}}}}
    public.unlink()
    signed.promote("digits", "production")
    for wrong in (str(public), str(key), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(SigningKeyError):
            signed.set_policy("digits", {"stages": {"production": {"signed": {"by": wrong}}}})
    for means_nothing in ({}, {"by": []}, {"by": 7}, {"by": ""}, {"by": text, "and": 1}):
        with pytest.raises(PolicyError, match=r"stages\.production\.signed"):
            signed.set_policy("digits", {"stages": {"production": {"signed": means_nothing}}})


def test_a_signature_of_rows_that_were_changed_satisfies_no_gate(signed: Registry, place: Place) -> None:
    """It was made here, and is of another version than there is now."""
    signed.promote("digits", "staging", {"signed": True})
    place.execute("UPDATE rt_versions SET git_commit = 'other'")
    with pytest.raises(PromotionRefusedError, match="signed"):
        signed.promote("digits", "production", {"signed": True})
