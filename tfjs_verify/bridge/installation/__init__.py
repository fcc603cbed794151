"""Where the Node side is, and how it gets there.

`locate` finds what pip brought and what the user named, `cache` builds a directory beside its place
and renames it in, `packages` runs npm, `addon` compiles tfjs-node's C++, `provisioning` puts them
together, `diagnosis` says what works and what does not.
"""

from __future__ import annotations

from tfjs_verify.bridge.installation.diagnosis import Diagnosis, Fact, diagnose
from tfjs_verify.bridge.installation.locate import (
    Node,
    TensorFlow,
    find_node,
    find_tensorflow,
    node_sources,
)
from tfjs_verify.bridge.installation.provisioning import (
    BACKENDS,
    Installation,
    Linkage,
    Progress,
    choose_linkage,
    chosen_linkage,
    provision,
)

__all__ = [
    "BACKENDS",
    "Diagnosis",
    "Fact",
    "Installation",
    "Linkage",
    "Node",
    "Progress",
    "TensorFlow",
    "choose_linkage",
    "chosen_linkage",
    "diagnose",
    "find_node",
    "find_tensorflow",
    "node_sources",
    "provision",
]
