"""Output directories that appear whole, and that never replace what is not ours."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfjs_verify.artifact.files import MODEL_JSON, PROVENANCE_KEY, check_shards, read_model_json
from tfjs_verify.errors import ArtifactError, EnvironmentProblem


@contextmanager
def published(directory: Path) -> Iterator[Path]:
    """Gives a temporary sibling of `directory`, which takes its name when the block ends well.

    Raises ArtifactError if `directory` holds anything but an earlier conversion of ours, or cannot
    be written; EnvironmentProblem if the disk is full.
    """
    _refuse_foreign(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    except OSError as error:
        raise _explained(error, directory) from error
    try:
        yield staging
        staging.chmod(0o755)
        _replace(directory, staging)
    except OSError as error:
        raise _explained(error, directory) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _refuse_foreign(directory: Path) -> None:
    if not directory.exists():
        return
    if not directory.is_dir():
        raise ArtifactError(f"{directory} is a file; expected the path of a directory to write.")
    present = {entry.name for entry in directory.iterdir()}
    if not present:
        return
    foreign = sorted(present - _own_files(directory))
    if foreign:
        raise ArtifactError(
            f"{directory} holds something else ({', '.join(foreign[:4])}); expected a new or empty"
            " directory, or an earlier conversion by tfjs-verify. Name another one."
        )


def _own_files(directory: Path) -> set[str]:
    try:
        content = read_model_json(directory)
        return set(check_shards(directory, content)) if PROVENANCE_KEY in content else set()
    except ArtifactError:
        return set()


def _replace(directory: Path, staging: Path) -> None:
    if not directory.exists():
        staging.rename(directory)
        return
    retired = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        directory.rename(retired / MODEL_JSON)
        staging.rename(directory)
    except OSError:
        if (retired / MODEL_JSON).exists() and not directory.exists():
            (retired / MODEL_JSON).rename(directory)
        raise
    finally:
        shutil.rmtree(retired, ignore_errors=True)


def _explained(error: OSError, directory: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentProblem(
            f"{directory} cannot be written: the disk is full. Free some space, or name another"
            " directory; nothing was changed."
        )
    return ArtifactError(
        f"{directory} cannot be written: {error.strerror or error}. Name another directory."
    )
