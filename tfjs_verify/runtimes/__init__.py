"""Everything that answers a case, behind one interface: TensorFlow itself, and TensorFlow.js."""

from tfjs_verify.runtimes.base import BACKENDS, Backend, Runtime, Timing
from tfjs_verify.runtimes.pool import NodePool
from tfjs_verify.runtimes.tensorflow import TensorFlow
from tfjs_verify.runtimes.tfjs import TFJS, NodeSession, start_node

__all__ = [
    "BACKENDS",
    "TFJS",
    "Backend",
    "NodePool",
    "NodeSession",
    "Runtime",
    "TensorFlow",
    "Timing",
    "start_node",
]
