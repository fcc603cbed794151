"""Runs npm: the one of nodejs-bin, on its own Node, with the user's npm configuration."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tfjs_verify.bridge.installation.locate import bundled_node, bundled_npm
from tfjs_verify.errors import ProvisioningError

TFJS_NODE = "@tensorflow/tfjs-node"
_PATIENCE_S = 1800.0
_QUOTED_LINES = 8
_ERROR = re.compile(r"\w*Error: |npm ERR! (?!\s*(A complete log|/|path |command |code \d)).")
_QUIET = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")

# npm outlives a parent that was killed, and would go on filling a directory that the next start
# removes. So it ends with its stdin, whose other end only the parent holds.
_NPM_WHILE_STDIN_IS_OPEN = (
    "process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume().unref();"
    "require(process.argv[1])"
)


def install_packages(js: Path, directory: Path) -> None:
    """Install into `directory / "node_modules"` exactly what the lock file of `js` says.

    No package's own script runs. Raises ProvisioningError where npm fails.
    """
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(js / name, directory / name)
    _npm(
        ["ci", "--ignore-scripts", "--omit=dev"],
        directory,
        cure="This needs your npm registry once, and nothing afterwards: check the network, the "
        "proxy and `npm config get registry`.",
    )


def run_install_script(directory: Path, node: Path) -> None:
    """Let tfjs-node install itself, as npm would have: it downloads libtensorflow and an addon.

    Raises ProvisioningError where it cannot, as on machines that may not reach Google's storage.
    """
    _npm(
        ["rebuild", TFJS_NODE, "--foreground-scripts"],
        directory,
        first_on_path=node.parent,
        cure="It downloads from storage.googleapis.com; where that is refused, use the addon that "
        "is compiled here against pip's TensorFlow: `--tfjs-node linked`.",
    )


def _npm(
    arguments: Sequence[str], directory: Path, *, cure: str, first_on_path: Path | None = None
) -> None:
    node = bundled_node()
    env = dict(os.environ)
    env["PATH"] = os.pathsep.join([str(first_on_path or node.parent), env.get("PATH", os.defpath)])
    script = ["-e", _NPM_WHILE_STDIN_IS_OPEN, str(bundled_npm())]
    shown = f"npm {' '.join(arguments)}"
    try:
        with _lifeline() as stdin:
            subprocess.run(
                [node, *script, *arguments, *_QUIET],
                cwd=directory,
                env=env,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=True,
                timeout=_PATIENCE_S,
            )
    except OSError as error:
        raise ProvisioningError(
            f"`{shown}` cannot be started with {node}: {error.strerror}. Reinstall it with "
            "`pip install --force-reinstall nodejs-bin==18.4.0a4`."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ProvisioningError(
            f"`{shown}` did not end within {_PATIENCE_S / 60:g} minutes. {cure}"
        ) from error
    except subprocess.CalledProcessError as error:
        raise ProvisioningError(
            f"`{shown}` ended with exit status {error.returncode}. {cure}\n{_excerpt(error.output)}"
        ) from error


@contextmanager
def _lifeline() -> Iterator[int]:
    """The reading end of a pipe that nobody writes to, and that ends when this process does."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


def _excerpt(output: bytes) -> str:
    """The lines that say what went wrong; all of npm's own where there are no others."""
    lines = [line.strip() for line in output.decode(errors="replace").splitlines()]
    telling = [line for line in lines if _ERROR.match(line)]
    return "\n".join(f"    {line}" for line in (telling or lines)[-_QUOTED_LINES:])
