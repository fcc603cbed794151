"""The stock converter's own result, its signature's names corrected (worker side).

This is what `--no-repair` gives: everything that the converter gets wrong stays wrong, except that
tensors can be told apart.
"""

from __future__ import annotations

import json
import time

from tensorflowjs.converters import tf_saved_model_conversion_v2 as converter

from tfjs_verify.artifact.entries import signature_entries
from tfjs_verify.artifact.files import MODEL_JSON, PROVENANCE_KEY
from tfjs_verify.artifact.matching import match
from tfjs_verify.conversion.routes import Job
from tfjs_verify.model.saved_model import read_signatures

ROUTE = "saved-model → graph (stock converter)"


def convert_as_stock(job: Job) -> None:
    """Fills the job's directory by one call of the stock converter."""
    started = time.perf_counter()
    options = job.options
    converter.convert_tf_saved_model(
        str(job.saved_model),
        str(job.directory),
        signature_def=job.signature_key,
        saved_model_tags=",".join(job.tags),
        quantization_dtype_map={
            dtype: True if globs == ("*",) else list(globs)
            for dtype, globs in options.quantization.items()
        },
        skip_op_check=options.skip_op_check,
        strip_debug_ops=options.effective_strip_debug_ops,
        weight_shard_size_bytes=options.shard_bytes,
        control_flow_v2=options.effective_control_flow == "v2",
        metadata=dict(options.metadata) or None,
    )
    path = job.directory / MODEL_JSON
    content = json.loads(path.read_text(encoding="utf-8"))
    reference = read_signatures(job.saved_model, tags=job.tags, shown=job.shown)
    wanted = reference.by_key[job.signature_key]
    for side, specs in (("inputs", wanted.inputs), ("outputs", wanted.outputs)):
        entries = content["signature"].get(side, {})
        matched = match(signature_entries(entries), specs)
        renamed = {entry.key: name for name, entry in matched.entries.items()}
        content["signature"][side] = {renamed.get(key, key): info for key, info in entries.items()}
    content[PROVENANCE_KEY] = {
        "route": ROUTE,
        "quantization": options.quantization_label,
        "seconds": round(time.perf_counter() - started, 3),
        "repairs": [],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
