"""The process that environments of Python functions are forked from.

It imports boto3 and the commonest service models once; every environment inherits them for the price of a fork.
It has one thread, one socket to its region, and dies with its region; environments die with it.
Its arguments are a descriptor and the pid of the region.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import re
import select
import signal
import socket
import sys
import time

from kumoniwa.engines.lambda_runtime import bootstrap, enclosure, runner
from kumoniwa.engines.lambda_runtime.frames import CONTROL, die_with_parent
from kumoniwa.engines.vpc_network import namespace
from kumoniwa.engines.vpc_network.namespace import HOSTS

_MODELS = (
    "cloudwatch",
    "dynamodb",
    "events",
    "kinesis",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "sts",
)
"""Services whose models wait in memory. Together they cost the zygote 26 MB once and save a function that makes a
client about 100 ms of its first start."""

_ORDER_BYTES_MAX = 1 << 18


_OWN_NAME = re.compile(r"https://([a-z0-9]{10})\.execute-api\.[^/]+(/.*)?")


def _lead_to_this_cloud(session: type) -> None:
    """Let a function speak to the clients of its WebSocket API as it is written for AWS: with the address that an event's
    domain name and stage make, under which nobody here answers with TLS."""
    create_client = session.create_client

    def create(self, service_name, *arguments, endpoint_url=None, **more):
        found = _OWN_NAME.fullmatch(endpoint_url or "") if service_name == "apigatewaymanagementapi" else None
        here = os.environ.get("AWS_ENDPOINT_URL")
        if found and here:
            endpoint_url = f"{here.rstrip('/')}/_aws/execute-api/{found[1]}{found[2] or ''}"
        return create_client(self, service_name, *arguments, endpoint_url=endpoint_url, **more)

    session.create_client = create


_DATABASES = ".rds.localhost"
_PROXY = re.compile(r"\.proxy-[a-z]{6}([0-9a-f]{6})\.")
"""The name of a database's proxy spells the address that it has to itself, after 127."""
_FROM_OUTSIDE = "WARNING Kumoniwa: {} is in a VPC and this function is not: on AWS it would come from the internet, if it may at all.\n"


def _know_names_of_this_machine() -> None:
    """Have every name under ``localhost`` be this machine's, which is what it means (RFC 6761, 6.3) and not every resolver knows: this cloud tells such
    names of its databases. Who asks for one from outside of its network is told so in his log, once."""
    find, told = socket.getaddrinfo, set()

    def found(host, *arguments, **more):
        if not (isinstance(host, str) and host.rstrip(".").lower().endswith(".localhost")):
            return find(host, *arguments, **more)
        name = host.rstrip(".").lower()
        # In a VPC, names of what is in it stand in a file that is shown in this one's place.
        address = _named(name)
        if address is None:
            if name.endswith(_DATABASES) and not found.is_in_network and name not in told:
                told.add(name)
                os.write(2, _FROM_OUTSIDE.format(name).encode())
            proxy = _PROXY.search(name)
            address = ".".join(("127", *map(str, bytes.fromhex(proxy[1])))) if proxy else "127.0.0.1"
        return find(address, *arguments, **more)

    found.is_in_network = False
    socket.getaddrinfo = found


def _named(host: str) -> str | None:
    """What the file of hosts says of a name."""
    try:
        with open(HOSTS) as file:
            lines = [line.partition("#")[0].split() for line in file]
    except OSError:
        return None
    return next((address for address, *names in filter(None, lines) if host in names and ":" not in address), None)


def preload() -> None:
    """Import the SDK and read the commonest models. One loader serves every session a function makes, now or later;
    a function that names a data path of its own still gets its own."""
    for name in sorted(enclosure.PYTHON_PACKAGES):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    boto3 = sys.modules.get("boto3")
    if boto3 is None:
        return
    sessions, loaders = (
        importlib.import_module("botocore.session"),
        importlib.import_module("botocore.loaders"),
    )
    create_loader = sessions.create_loader
    shared = loaders.create_loader()
    sessions.create_loader = lambda data_path=None: create_loader(data_path) if data_path else shared
    _lead_to_this_cloud(sessions.Session)
    for name in _MODELS:
        shared.load_service_model(name, "service-2")
        shared.load_service_model(name, "endpoint-rule-set-1")
    # Making these reads and imports what others need too: endpoints, partitions, retry rules, resources, transfers.
    session = boto3.session.Session("-", "-", region_name="us-east-1")
    for make, name in ((session.client, "sts"), (session.resource, "s3"), (session.resource, "dynamodb")):
        make(name)


def _resident_kib() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * (os.sysconf("SC_PAGE_SIZE") // 1024)


def _report_ended(region: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        region.send(json.dumps({"ended": pid, "status": os.waitstatus_to_exitcode(status)}).encode())


def _become_environment(output: int, *control: int) -> None:
    """What a fresh child does before it is anybody's environment."""
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if control:
        os.dup2(*control, CONTROL, inheritable=False)
    os.closerange(CONTROL + len(control), 256)


def _become_switch(zygote: int, control: int) -> None:
    """Serve the networks that environments are in, until the zygote or the region ends."""
    from kumoniwa.engines.vpc_network import switch  # noqa: PLC0415 - heavy, and only functions in a VPC need it

    die_with_parent(zygote)
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(control, CONTROL, inheritable=False)
    os.closerange(CONTROL + 1, 256)
    switch.main(CONTROL)


def _enter_network(network: int, hosts: str) -> None:
    """Be in the network that was made for this environment, and know the names that are known there."""
    namespace.enter(network)
    os.close(network)
    enclosure.cover(HOSTS, hosts)
    socket.getaddrinfo.is_in_network = True


def _supply(order: dict) -> bool:
    try:
        enclosure.supply(order["scratch"], order["storage_mb"])
    except FileNotFoundError:
        return False  # the environment has ended since it was ordered
    return True


def serve(region: socket.socket, bare_kib: int, *, is_enclosed: bool) -> dict | None:
    """Fork on demand and report the dead. Returns only in a forked child, with the order it was made for."""
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watched = select.poll()
    watched.register(region, select.POLLIN)
    watched.register(woken, select.POLLIN)
    while True:
        for descriptor, _ in watched.poll():
            if descriptor == woken:
                with contextlib.suppress(BlockingIOError):
                    os.read(woken, 4096)
                _report_ended(region)
                continue
            body, passed, _, _ = socket.recv_fds(region, _ORDER_BYTES_MAX, 3)
            if not body:
                os._exit(0)
            order = json.loads(body)
            is_switch = order.get("is_switch", False)
            order["owns_tmp"] = is_enclosed and not is_switch and enclosure.is_roomy(order["storage_mb"]) and _supply(order)
            zygote = os.getpid()
            child = os.fork()
            if child == 0:
                region.detach()
                if is_switch:
                    _become_switch(zygote, *passed)
                if hosts := order.get("hosts"):
                    _enter_network(passed.pop(), hosts)
                _become_environment(*passed)
                order |= {"bare_kib": bare_kib, "is_enclosed": is_enclosed}
                die_with_parent(zygote)
                return order
            for number in passed:
                os.close(number)
            region.send(json.dumps({"order": order["order"], "pid": child}).encode())


def _settle(order: dict) -> None:
    """Show the function its folders where AWS has them; where that cannot be, tell it where they are."""
    program = order["command"][0] if order.get("command") else sys.executable
    places = order["task_root"], order["layers"], order["scratch"], program, order["packages"], order["packages_at"], order["passwd"]
    if order.pop("is_enclosed") and enclosure.enter(*places, owns_tmp=order["owns_tmp"]):
        order["task_root"], order["layers"] = enclosure.TASK, [enclosure.LAYERS]
    else:
        order["environment"] |= order["here"]
        order["owns_tmp"] = False
    if not order["owns_tmp"]:
        # AWS gives no such variables. Here they keep a function out of its user's home and its neighbours' files.
        order["environment"] = {"HOME": order["scratch"], "TMPDIR": order["scratch"]} | order["environment"]


def _bootstrap(order: dict) -> str:
    """Where a custom runtime begins: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html"""
    places = [f"{folder}/bootstrap" for folder in (order["task_root"], *order["layers"])]
    return next((place for place in places if os.path.exists(place)), places[0])


WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
"""The variable that names a script which is given the runtime's command to run, unless the runtime is the function's own.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper"""


def _to_be_wrapped(order: dict, folders: list[str]) -> dict:
    """The order to run a Python function in an interpreter of its own."""
    told = json.dumps(order | {"folders": folders}).encode()
    file = os.memfd_create("order")
    os.write(file, told)
    os.lseek(file, 0, os.SEEK_SET)
    os.dup2(file, bootstrap.ORDER)
    os.set_inheritable(bootstrap.ORDER, True)  # which dup2 does not, if it was that number already
    is_enclosed = order["task_root"] == enclosure.TASK
    python = f"{enclosure.TOOLS}/{os.path.basename(sys.executable)}" if is_enclosed else sys.executable
    return order | {"command": [python, f"{order['packages_at' if is_enclosed else 'packages']}/bootstrap.py"], "has_control": True}


def execute(order: dict) -> None:
    """Become a program that is no fork of this one: node, a wrapper, or the ``bootstrap`` of a custom runtime."""
    runner.restrict(order)
    if order["has_control"]:
        os.set_inheritable(CONTROL, True)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    command = order["command"] or [_bootstrap(order)]
    if order["command"] and (wrapper := order["environment"].get(WRAPPER)):
        command = [wrapper, *command]
    try:
        os.execve(command[0], command, order["environment"])
    except OSError as error:
        # A bootstrap that is absent or no program (docs: Runtime.InvalidEntrypoint). 127 is what a shell would say.
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(127)


def main() -> None:
    descriptor, parent = int(sys.argv[1]), int(sys.argv[2])
    die_with_parent(parent)
    os.environ.clear()
    is_enclosed = enclosure.is_possible()
    if is_enclosed:
        enclosure.leave(hears=True)
    bare_kib = _resident_kib()
    known = set(sys.modules)
    folders = [path for path in sys.path if path.rstrip("/").endswith(("site-packages", "dist-packages"))]
    gc.disable()
    _know_names_of_this_machine()
    preload()
    time.tzset()
    is_preload = set(sys.modules) - known
    gc.collect()
    gc.freeze()
    try:
        order = serve(socket.socket(fileno=descriptor), bare_kib, is_enclosed=is_enclosed)
    except ConnectionError:
        os._exit(0)  # the region was killed while we spoke with it
    _settle(order)
    if order["environment"].get(WRAPPER) and "command" not in order:
        order = _to_be_wrapped(order, folders)
    if "command" in order:
        execute(order)
    runner.main(CONTROL, order, enclosure.PYTHON_PACKAGES, folders, is_preload)
