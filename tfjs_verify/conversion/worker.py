"""The conversion process: JSON lines in on stdin, JSON lines out on stdout, one model at a time.

Started by `process.ConversionWorker`. File descriptor 1 belongs to the replies; what TensorFlow or
the stock converter print goes to stderr. When stdin ends, the process ends at once, even in the
middle of a conversion, so that a parent that was killed leaves nothing running.
"""

from __future__ import annotations

import errno
import json
import os
import queue
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from tfjs_verify.conversion.options import ConversionOptions
from tfjs_verify.errors import ConversionError
from tfjs_verify.model.assignments import VariableChanged


def main() -> None:
    """Serves conversions until stdin ends."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as replies:
        os.dup2(2, 1)
        requests: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(requests,), daemon=True).start()
        while True:
            replies.write(json.dumps(_answer(json.loads(requests.get()))) + "\n")
            replies.flush()


def _read(requests: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": _done(request)}
    except ConversionError as error:
        return _failure("conversion", error.message, error.ops, error.cause_type)
    except VariableChanged as error:
        return _failure("conversion", f"{request['name']}: {error}", (), type(error).__name__)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _failure(
                "disk",
                f"{request['name']} was not written: the disk is full. Free some space, or name"
                " another directory; nothing was changed.",
            )
        return _failure("output", f"The model cannot be written: {error}.")
    except Exception as error:  # noqa: BLE001
        # The border to TensorFlow: whatever it raises is why this model has no other form.
        traceback.print_exc()
        return _failure(
            "conversion", f"{request['name']}: {_reason(error)}", (), type(error).__name__
        )


def _done(request: dict[str, Any]) -> Any:
    from tfjs_verify.conversion.routes import Job, route_of

    options = ConversionOptions.from_json(request["options"])
    job = Job(
        shown=request["name"],
        saved_model=Path(request["saved_model"]),
        tags=tuple(request["tags"]),
        signature_key=request["signature_key"],
        directory=Path(request["directory"]),
        options=options,
    )
    if request["task"] == "inspect":
        from tfjs_verify.conversion.preflight.inspection import inspect

        return inspect(job)
    route_of(options)(job)
    return None


def _failure(
    kind: str, message: str, ops: tuple[str, ...] = (), cause_type: str = ""
) -> dict[str, Any]:
    return {"error": {"kind": kind, "message": message, "ops": list(ops), "type": cause_type}}


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


if __name__ == "__main__":
    main()
