"""Servers of databases run as whoever the cloud runs as: root where the kernel gives user namespaces, and anybody else in any case."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2] / "src"
BECOME = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
uid, group, inside = os.getuid(), os.getgid(), sys.argv[1]
if libc.unshare(0x10000000) != 0:
    sys.exit(77)
for name, text in (("setgroups", "deny"), ("uid_map", f"{inside} {uid} 1"), ("gid_map", f"{inside} {group} 1")):
    open(f"/proc/self/{name}", "w").write(text)
open("/proc/sys/user/max_user_namespaces", "w").write("0")  # of this namespace alone
os.execv(sys.executable, [sys.executable, "-c", sys.argv[2], *sys.argv[3:]])
"""
SERVE = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from kumoniwa.engines import certificates
from kumoniwa.engines.{package} import golden, server
from kumoniwa.kernel.clock import Clock
from kumoniwa.kernel.errors import NotImplementedHere

async def main(folder):
    try:
        golden.version()
    except NotImplementedHere as error:
        print(error.what)
        return
    now = Clock().now()
    key, certificate = certificates.with_key(certificates.authority(b"k" * 32, now), "EC_prime256v1", ["localhost"], now - 9, now + 99)
    await golden.Golden(folder, b"k" * 32).copy(folder + "/data")
    made = server.Server(folder, b"k" * 32)
    made.configure({settings})
    for _ in range(2):  # the second time on what a killed one left
        await made.start(["127.0.0.1"], 0, key + certificate, demands_tls=False)
        async with made.session() as session:
            print({asked})
        await made.kill()

asyncio.run(main(sys.argv[2]))
"""


_ENGINES = {
    "postgresql": ('{"fsync": "off"}', 'await session.fetchval("show server_version")'),
    "mariadb": ('{"debug_no_sync": "1"}', '(await session.ask("select version()"))[0][0]'),
}


def _said(tmp_path, user, package):
    """What a server's making says to a user who can have no namespaces of his own."""
    settings, asked = _ENGINES[package]
    program = SERVE.replace("{package}", package).replace("{settings}", settings).replace("{asked}", asked)
    done = subprocess.run([sys.executable, "-c", BECOME, user, program, str(HERE), str(tmp_path)], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("this kernel gives no user namespaces")
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    "package, version", [("postgresql", "18."), pytest.param("mariadb", "1", marks=pytest.mark.mariadb)],
)  # fmt: skip
def test_a_user_is_served_without_namespaces(tmp_path, package, version):
    first, second = _said(tmp_path, "1000", package)
    assert first == second and first.startswith(version)


@pytest.mark.parametrize(
    "package, why", [("postgresql", ", which PostgreSQL refuses to serve"), pytest.param("mariadb", "", marks=pytest.mark.mariadb)],
)  # fmt: skip
def test_root_is_told_what_is_missing_where_there_are_none(tmp_path, package, why):
    assert _said(tmp_path, "0", package) == [f"databases of RDS for root without user namespaces{why}: run the cloud as another user"]
