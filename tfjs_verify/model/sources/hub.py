"""TensorFlow Hub handles: downloaded by tensorflow_hub, and then directories like any other.

A module in a directory, in either of its formats, needs nothing here: both hold a `saved_model.pb`.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import tarfile
import urllib.error
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from tfjs_verify.errors import EnvironmentProblem, ModelError
from tfjs_verify.model.sources.base import first_line
from tfjs_verify.model.sources.directory import SavedModelDirectory

_SCHEMES = ("http://", "https://")
_GONE = (http.client.NOT_FOUND, http.client.GONE)


@dataclass(frozen=True)
class HubHandle:
    """A module by its address, such as "https://tfhub.dev/google/nnlm-en-dim50/2"."""

    handle: str

    @staticmethod
    def recognises(text: str) -> bool:
        """Whether this is an address and no path."""
        return text.startswith(_SCHEMES)

    @property
    def name(self) -> str:
        """The address without its host."""
        return urlsplit(self.handle).path.strip("/")

    @property
    def path(self) -> str:
        """The address."""
        return self.handle

    @property
    def keras_model(self) -> None:
        """A module holds a graph, no layers."""
        return None

    def save(self, directory: Path) -> Path:
        """The module's directory in tensorflow_hub's cache, downloaded if it isn't there yet.

        Raises EnvironmentProblem where the network can't be reached, ModelError where it can and
        there is no such module.
        """
        return SavedModelDirectory(self._downloaded, shown=self.handle).save(directory)

    @cached_property
    def _downloaded(self) -> Path:
        with contextlib.redirect_stderr(io.StringIO()):  # pkg_resources is deprecated, it says
            try:
                import tensorflow_hub
            except ImportError as error:
                raise EnvironmentProblem(
                    f"{self.handle} needs the package tensorflow_hub ({first_line(error)});"
                    " install it with `pip install tensorflow_hub`."
                ) from error
        try:
            return Path(tensorflow_hub.resolve(self.handle))
        except urllib.error.HTTPError as error:
            if error.code in _GONE:
                raise ModelError(
                    f"{self.handle} is no module that its host knows: HTTP {error.code}"
                    f" {error.reason}."
                ) from error
            raise self._unreachable(error) from error
        except (tarfile.TarError, ValueError) as error:
            raise ModelError(
                f"{self.handle} does not answer with a module of TensorFlow Hub:"
                f" {first_line(error)}."
            ) from error
        except OSError as error:  # URLError is one
            raise self._unreachable(error) from error

    def _unreachable(self, error: OSError) -> EnvironmentProblem:
        reason = getattr(error, "reason", None) or error
        return EnvironmentProblem(
            f"{self.handle} cannot be downloaded from this machine ({reason}). Download the module"
            " elsewhere, unpack it, and name its directory; or set TFHUB_CACHE_DIR to a cache that"
            " holds it."
        )
