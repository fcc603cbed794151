"""From a `Model` to TensorFlow.js files: the only package that knows the stock converter.

The conversion itself runs in a worker process (`worker`), so that a crash of TensorFlow's C++ or an
optimiser that never ends is an error of one model. This side chooses, waits, and publishes the
result whole or not at all.
"""

from __future__ import annotations

from tfjs_verify.conversion.convert import convert
from tfjs_verify.conversion.options import ConversionOptions
from tfjs_verify.conversion.process import ConversionWorker
from tfjs_verify.conversion.usage import Usage, usage_of

__all__ = ["ConversionOptions", "ConversionWorker", "Usage", "convert", "usage_of"]
