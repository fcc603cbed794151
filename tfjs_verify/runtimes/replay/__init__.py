"""The artifact's own graph and weights, computed by TensorFlow.

What TensorFlow.js is asked to compute, without TensorFlow.js: a difference between this and the
model is the conversion's (or the quantisation's), one between this and a backend is the backend's.
"""

from __future__ import annotations

from tfjs_verify.runtimes.replay.graph import ReplayGraph, artifact_graph, replay_graph
from tfjs_verify.runtimes.replay.runtime import ArtifactReplay

__all__ = ["ArtifactReplay", "ReplayGraph", "artifact_graph", "replay_graph"]
