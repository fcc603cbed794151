"""Where a report may be written, and where not."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tfjs_verify.cli.output import check_writable, write_text
from tfjs_verify.errors import RequestError


def test_a_place_that_takes_no_file_is_refused_before_the_run(tmp_path: Path) -> None:
    bad = {
        tmp_path: "is a directory",
        tmp_path / "nowhere" / "r.json": "there is no directory",
        Path("/proc/r.json"): "cannot be written: No such file or directory",
    }
    for file, message in bad.items():
        with pytest.raises(RequestError, match=message):
            check_writable(file)
    check_writable(None, tmp_path / "r.json")
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    file.write_text("of the last run, and longer")
    write_text(file, "new")
    assert file.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["r.json"]


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    check_writable(pipe)
    write_text(pipe, "{}")
    reader.join()
    assert read == ["{}"]
    assert pipe.is_fifo()


def test_a_device_stays_a_device() -> None:
    check_writable(Path(os.devnull))
    write_text(Path(os.devnull), "{}")
    assert Path(os.devnull).is_char_device()
