"""What a wrapper script starts to run a Python function: an interpreter of its own instead of a fork of the zygote.

The wrapper may have changed the variables; the order of the region comes in a file that is open already.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ORDER = 4
"""The descriptor of that file, behind ``frames.CONTROL``."""


def main() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from kumoniwa.engines.lambda_runtime import enclosure, runner  # noqa: PLC0415
    from kumoniwa.engines.lambda_runtime.frames import CONTROL  # noqa: PLC0415

    with os.fdopen(ORDER) as file:
        order = json.load(file)
    os.set_inheritable(CONTROL, False)
    order |= {"environment": dict(os.environ), "handler": os.environ.get("_HANDLER", order["handler"])}
    runner.main(CONTROL, order, enclosure.PYTHON_PACKAGES, order["folders"], set())


if __name__ == "__main__":
    main()
