"""Scripts of Automation documents: Python of a customer, run in a process of its own.

The process reads what to run as JSON, and writes what the handler returned: nothing of the region is in it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from kumoniwa.engines.child import child

OUTPUT_BYTES_MAX = 100_000
_HARNESS = """
import json, os, sys
told = json.load(sys.stdin)
answer, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr
names = {"__name__": "script"}
exec(compile(told["script"], "<script>", "exec"), names)
returned = names[told["handler"]](told["events"], {})
json.dump(returned, answer)
answer.close()
"""


class ScriptFailed(Exception):
    """The text says why: the end of what it wrote."""


async def run(script: str, handler: str, events: Any, variables: dict[str, str], within_s: float) -> tuple[Any, str]:
    """What ``handler(events, context)`` returns, and what it printed. Raises ScriptFailed."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    told = json.dumps({"script": script, "handler": handler, "events": events}).encode()
    async with child(sys.executable, "-c", _HARNESS, env={**kept, **variables}) as script_run:
        try:
            async with asyncio.timeout(within_s):
                returned, printed = await script_run.communicate(told)
        except TimeoutError:
            raise ScriptFailed(f"The script did not end within {within_s:g} seconds.") from None
    text = printed.decode("utf-8", "replace")[-OUTPUT_BYTES_MAX:]
    if script_run.returncode:
        raise ScriptFailed(text.strip()[-2_000:] or f"The script ended with the status {script_run.returncode}.")
    if len(returned) > OUTPUT_BYTES_MAX:
        raise ScriptFailed(f"The script returned more than {OUTPUT_BYTES_MAX} bytes.")
    return json.loads(returned), text
