"""A shell script on a managed node: a file that ``sh`` runs in a process group of its own, whose outputs are files.

What the script started and left behind stays when it ends; if it is cancelled, or takes too long, or the node ends, its whole group ends.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
from pathlib import Path
from typing import NamedTuple

STOPPED = 137
"""The exit code of what was stopped: 128, and the number of SIGKILL."""
LOOKS_EVERY_S = 0.05
_WATCHER = "read -r _; kill -KILL 0"


class Ended(NamedTuple):
    code: int
    is_cancelled: bool


def run(script: Path, folder: str | None, variables: dict[str, str], within_s: float, cancelled: threading.Event, out: Path, err: Path) -> Ended:
    """Raises OSError where there is no such folder."""
    watched, life = os.pipe()
    # It leads the script's group from before the script begins, and hears of this process's end by the pipe that nobody else holds.
    watcher = subprocess.Popen(["sh", "-c", _WATCHER], stdin=watched, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)
    try:
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            child = subprocess.Popen(
                ["sh", "-c", shlex.quote(str(script))], cwd=folder or None, env={**os.environ, **variables}, stdin=subprocess.DEVNULL,
                stdout=stdout, stderr=stderr, process_group=watcher.pid,
            )  # fmt: skip
        return _waited(child, watcher.pid, within_s, cancelled)
    finally:
        watcher.kill()
        watcher.wait()
        os.close(watched)
        os.close(life)


def _waited(child: subprocess.Popen, group: int, within_s: float, cancelled: threading.Event) -> Ended:
    left_s = within_s
    while True:
        try:
            code = child.wait(LOOKS_EVERY_S)
        except subprocess.TimeoutExpired:
            left_s -= LOOKS_EVERY_S
            if cancelled.is_set() or left_s <= 0:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)
                child.wait()
                return Ended(STOPPED, cancelled.is_set())
        else:
            return Ended(code if code >= 0 else 128 - code, False)
