from __future__ import annotations

import numpy as np
import pytest

from tfjs_verify.errors import ExecutionError
from tfjs_verify.runtimes import TensorFlow


def test_a_loop_that_never_ends_is_ended():
    """Halved until it is small: of infinity there is always more."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def halved(x):
        return {"y": tf.while_loop(lambda v: tf.reduce_max(v) > 1.0, lambda v: (v / 2,), (x,))[0]}

    with TensorFlow(halved, timeout=1.0) as reference:
        with pytest.raises(ExecutionError, match="did not end within 1 s; does a loop go on"):
            reference.run({"x": np.array([np.inf], np.float32)})
        answer = reference.run({"x": np.array([3.0], np.float32)})
    assert answer["y"].tolist() == [0.75]
