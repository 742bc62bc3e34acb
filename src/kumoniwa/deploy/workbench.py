"""The child of `workshop`: reads requests, one line of JSON each, and answers them with the pure stages of a deploy."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from importlib import import_module
from typing import Any

import msgspec
import orjson

from kumoniwa.deploy import blueprint, macros, template
from kumoniwa.kernel.errors import NotImplementedHere, ValidationError

PR_SET_PDEATHSIG = 1


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What the child does with one request: ``{"do": "draw" | "outline", …}``."""
    try:
        if request["do"] == "outline":
            return {"done": blueprint.outline(template.parse(request["text"]), is_lenient=request["is_lenient"])}
        drawn = blueprint.draw(
            request["text"],
            request["given"],
            request["pseudo"],
            previous=request.get("previous"),
            zones=request.get("zones"),
            transform=_sam_transform,
            told=request.get("told"),
        )
        return {"done": msgspec.to_builtins(drawn)}
    except macros.Wanted as wanted:
        return {"wanted": wanted.request}
    except macros.TransformFailed as error:
        return {"refused": {"code": "TransformFailed", "text": error.text, "hint": error.hint}}
    except NotImplementedHere as error:
        return {"refused": {"code": "NotImplemented", "text": error.what, "hint": error.hint}}
    except ValidationError as error:
        return {"refused": {"code": "ValidationError", "text": error.text, "hint": error.hint}}
    except RecursionError:
        return {
            "refused": {"code": "ValidationError", "text": "Template error: nested too deeply.", "hint": ""}
        }


def _sam_transform(body: dict[str, Any], values: dict[str, str], pseudo: dict[str, Any]) -> dict[str, Any]:
    # The one heavy import, only for templates that ask for it.
    return import_module("kumoniwa.deploy.sam").transform(body, values, pseudo)


def main() -> None:
    """The child: until its input ends, or its region does."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for line in sys.stdin.buffer:
        said = orjson.dumps(answer(orjson.loads(line)), option=orjson.OPT_NON_STR_KEYS) + b"\n"
        try:
            sys.stdout.buffer.write(said)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # The region was killed while we drew. Nobody is left to tell, and Python's own last flush would tell it again.
            os._exit(0)


if __name__ == "__main__":
    main()
