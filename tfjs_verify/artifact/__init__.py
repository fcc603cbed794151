"""A TensorFlow.js model on disk, and how its tensors correspond to the reference's."""

from __future__ import annotations

from tfjs_verify.artifact.artifact import Artifact, Repair
from tfjs_verify.artifact.loading import load_artifact

__all__ = ["Artifact", "Repair", "load_artifact"]
