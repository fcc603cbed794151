from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from tfjs_verify.conversion.publishing import published
from tfjs_verify.conversion.shards import write_shards
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


@pytest.mark.parametrize(
    ("place", "code"), [("/dev/full", errno.ENOSPC), ("/proc/none", errno.EIO)]
)
def test_weights_that_cannot_be_written_are_an_error_of_the_file(
    tmp_path, monkeypatch, place, code
):
    monkeypatch.setenv("TFDF_DISABLE_WELCOME_MESSAGE", "1")
    (tmp_path / "group1-shard1of1.bin").symlink_to(place)
    with pytest.raises(OSError) as caught:
        write_shards(tmp_path, [("w", np.ones(9, np.float32))], None, shard_bytes=1000)
    assert caught.value.errno == code
