"""From Keras to the layers format, with a translation of our own (worker side).

The stock converter knows Keras 2 only, and copies configurations as they are: what TensorFlow.js
reads differently is then silently wrong. Here every option of every layer is either translated,
known not to matter for predictions, or refused by layer and option before anything is written.

    reading       a Keras model as calls of layers on tensors, for both generations of Keras
    site          one such call as its translator sees it: options, shapes, weights
    term          what a call becomes: a layer of TensorFlow.js, or an expression of several
    families/     the translators: a table of functions from a site to a term, by Keras class
    translate     all calls of a model → topology, weights and names
    route         a conversion job
"""

from __future__ import annotations
