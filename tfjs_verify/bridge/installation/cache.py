"""Directories that are there whole or not at all, however many processes want them at once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tfjs_verify.errors import ProvisioningError

_HALF_MADE = ".building-"


def obtain(
    cache: Path,
    name: str,
    build: Callable[[Path], None],
    *,
    on_wait: Callable[[], None],
) -> Path:
    """The directory `cache / name`, built by `build` unless it is there already.

    `build` fills an empty directory beside the place, which is then renamed in: what has the name
    is complete, and a build that was cut short leaves nothing with that name. One process builds at
    a time; `on_wait` is called when another one is at it. What earlier builds left behind is
    removed by the next one. Raises ProvisioningError where the disk refuses.
    """
    place = cache / name
    if place.is_dir():
        return place
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _holding(cache / "provisioning.lock", on_wait):
            if place.is_dir():  # somebody built it while we waited
                return place
            for leftover in cache.glob(_HALF_MADE + "*"):
                shutil.rmtree(leftover, ignore_errors=True)
            beside = Path(tempfile.mkdtemp(prefix=_HALF_MADE, dir=cache))
            try:
                build(beside)
                beside.chmod(0o755)  # mkdtemp's 0700 would shut out others from a shared cache
                beside.rename(place)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise ProvisioningError(
            f"the cache {cache} cannot be written: {error.strerror or error}. It takes about "
            "350 MB; make room, or set XDG_CACHE_HOME to a directory that can be written."
        ) from error
    return place


@contextmanager
def _holding(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock, which ends with the process; call `on_wait` once where another has it."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_wait()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
