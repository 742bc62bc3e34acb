"""A snapshot of an initialized Python function: its own process, which stops there and forks itself for every environment.

What a fork shares with its parent is what a restored machine shares with its snapshot: memory, open files, the state of
random generators. What it would share and a restored machine does not is put right here: connections are dead, and what
lies in the temporary folder is a copy. Threads do not survive a fork; a function that has some is told so in its log.
Runs inside the environment's process.
"""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import socket
import stat
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING

from kumoniwa.engines.lambda_runtime import enclosure
from kumoniwa.engines.lambda_runtime.frames import CONTROL, ENDED, FORKED, die_with_parent
from kumoniwa.engines.vpc_network import namespace

if TYPE_CHECKING:
    from kumoniwa.engines.lambda_runtime.runner import Runner

HOOKS = "snapshot_restore_py"
_THREADS = "WARNING Kumoniwa: threads that run when the snapshot is taken are not restored here; on AWS they are.\n"
_ORDER_BYTES_MAX = 1 << 12


def _hooks(name: str) -> list:
    """What the function has registered, if it has imported the library at all."""
    module = sys.modules.get(HOOKS)
    return getattr(module, name)() if module is not None else []


def restored(runner: Runner) -> int:
    """Take the snapshot; returns in every environment restored from it, with the microseconds its hooks took."""
    try:
        registered = _hooks("get_before_snapshot")
        while registered:
            function, arguments, named = registered.pop()
            function(*arguments, **named)
    except Exception as error:  # noqa: BLE001 - whatever a hook raised is the answer
        runner.fail(error)
    if threading.active_count() > 1:
        runner.console.record(_THREADS)
    runner.ready()
    dice = random.getstate()
    scratch = _fork_on_demand(runner)
    # Python seeds its generator anew in every fork; a snapshot has its state.
    random.setstate(dice)
    _let_connections_die()
    _move_in(scratch, runner.order)
    began = time.perf_counter()
    try:
        for function, arguments, named in _hooks("get_after_restore"):
            function(*arguments, **named)
    except Exception as error:  # noqa: BLE001 - whatever a hook raised is the answer
        runner.fail(error)
    return int((time.perf_counter() - began) * 1e6)


def _fork_on_demand(runner: Runner) -> str:
    """Fork for each order of the region's and report the dead. Returns only in a child, with its temporary folder."""
    region = socket.socket(fileno=runner.console.descriptor)
    living: dict[int, int] = {}
    watched = select.poll()
    watched.register(region, select.POLLIN)
    snapshot = os.getpid()
    while True:
        for descriptor, _ in watched.poll():
            if descriptor != region.fileno():
                watched.unregister(descriptor)
                os.close(descriptor)
                pid = living.pop(descriptor)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                runner.console.send(ENDED, json.dumps([pid, status]).encode())
                continue
            body, passed, _, _ = socket.recv_fds(region, _ORDER_BYTES_MAX, 3)
            if not body:
                os._exit(0)
            pid = os.fork()
            if pid == 0:
                region.detach()
                for number in living:
                    os.close(number)
                _become_environment(snapshot, *passed)
                runner.console.descriptor = CONTROL
                return json.loads(body)["scratch"]
            for number in passed:
                os.close(number)
            pidfd = os.pidfd_open(pid)
            living[pidfd] = pid
            watched.register(pidfd, select.POLLIN)
            runner.console.send(FORKED, json.dumps(pid).encode())


def _become_environment(snapshot: int, output: int, control: int, network: int | None = None) -> None:
    os.setpgid(0, 0)
    die_with_parent(snapshot)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(control, CONTROL, inheritable=False)
    os.close(output)
    os.close(control)
    if network is not None:
        namespace.enter(network)
        os.close(network)


def _let_connections_die() -> None:
    """Every socket that was open in the snapshot is one whose other end is gone."""
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        try:
            is_socket = stat.S_ISSOCK(os.fstat(number).st_mode)
        except OSError:
            continue  # it was the listing's own
        if is_socket and number != CONTROL:
            left, right = socket.socketpair()
            right.close()
            os.dup2(left.fileno(), number, inheritable=False)
            left.close()


def _move_in(scratch: str, order: dict) -> None:
    """Give this environment the temporary folder as it was, for itself: at the same place, where it can be."""
    if order["owns_tmp"]:
        enclosure.copy_tmp(order["storage_mb"])
        return
    before = os.environ["TMPDIR"]
    shutil.copytree(before, scratch, symlinks=True, dirs_exist_ok=True)
    if order["task_root"] == enclosure.TASK:
        enclosure.cover(before, scratch)
        return
    for name in ("TMPDIR", "HOME"):
        if os.environ.get(name) == before:
            os.environ[name] = scratch
    if tempfile.tempdir == before:
        tempfile.tempdir = scratch
