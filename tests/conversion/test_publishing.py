from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tfjs_verify.conversion.publishing import published
from tfjs_verify.errors import ArtifactError, EnvironmentProblem


def test_what_was_written_appears_whole(tmp_path):
    with published(tmp_path / "below" / "out") as staging:
        (staging / "model.json").write_text("{}")
        assert not (tmp_path / "below" / "out").exists()
    assert os.listdir(tmp_path / "below") == ["out"]
    assert os.listdir(tmp_path / "below" / "out") == ["model.json"]


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.ENOSPC, EnvironmentProblem, "the disk is full"),
        (errno.EDQUOT, EnvironmentProblem, "the disk is full"),
        (errno.EROFS, ArtifactError, "Read-only file system"),
    ],
)
def test_a_write_that_fails_leaves_nothing(tmp_path, code, kind, words):
    with pytest.raises(kind, match=words), published(tmp_path / "out") as staging:
        (staging / "model.json").write_text("{")
        raise OSError(code, os.strerror(code))
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_written(tmp_path):
    with (
        pytest.raises(ArtifactError, match="/proc/none/out cannot be written"),
        published(Path("/proc/none/out")),
    ):
        raise AssertionError("not to be reached")
