"""A network namespace that has one interface: the loopback, which has the private address of a network interface and sends whatever else
is called to itself, where the kernel drops it unheard. So whoever calls an address that is not there waits, as for security groups.

This file runs by itself, too, to see whether the kernel lets us.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x0002_0000, 0x1000_0000, 0x4000_0000
_RTM_NEWLINK, _RTM_NEWADDR, _RTM_DELADDR, _RTM_NEWROUTE = 16, 20, 21, 24
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_CREATE, _NLM_F_REPLACE = 0x1, 0x4, 0x400, 0x100
_LO, _IFF_UP, _WHOLE = 1, 1, 32
_RTA_OIF, _RTA_PREFSRC, _IFA_ADDRESS, _IFA_LOCAL = 4, 7, 1, 2
_TABLE_MAIN, _PROTOCOL_BOOT, _SCOPE_UNIVERSE, _SCOPE_LINK, _UNICAST = 254, 3, 0, 253, 1
# https://man7.org/linux/man-pages/man7/rtnetlink.7.html

HOSTS = "/etc/hosts"
"""Where names are looked up first; who is in a network is shown a file of the network's own there."""


def new() -> int:
    """Move this thread into a fresh namespace; answers a descriptor by which others come in."""
    _call("unshare", _CLONE_NEWNET)
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def enter(namespace: int) -> None:
    """Move this thread into that namespace."""
    _call("setns", namespace, _CLONE_NEWNET)


def furnish(own: str) -> None:
    """Give the namespace that this thread is in its address, and a way to everywhere that ends at itself."""
    _say(_RTM_NEWLINK, 0, struct.pack("BxHiII", socket.AF_UNSPEC, 0, _LO, _IFF_UP, _IFF_UP))
    add(own)
    to_everywhere = struct.pack("BBBBBBBBI", socket.AF_INET, 0, 0, 0, _TABLE_MAIN, _PROTOCOL_BOOT, _SCOPE_LINK, _UNICAST, 0)
    attributes = _attribute(_RTA_OIF, struct.pack("i", _LO)) + _attribute(_RTA_PREFSRC, socket.inet_aton(own))
    _say(_RTM_NEWROUTE, _NLM_F_CREATE | _NLM_F_REPLACE, to_everywhere + attributes)


def add(address: str) -> None:
    """Have an address of IPv4 be heard in the namespace that this thread is in."""
    _say(_RTM_NEWADDR, _NLM_F_CREATE | _NLM_F_REPLACE, _whole(address))


def remove(address: str) -> None:
    """Have it be heard no more: who calls it from now on waits for nobody."""
    try:
        _say(_RTM_DELADDR, 0, _whole(address))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise


def _whole(address: str) -> bytes:
    named = socket.inet_aton(address)
    return struct.pack("BBBBi", socket.AF_INET, _WHOLE, 0, _SCOPE_UNIVERSE, _LO) + _attribute(_IFA_LOCAL, named) + _attribute(_IFA_ADDRESS, named)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _say(kind: int, flags: int, body: bytes) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as kernel:
        kernel.send(struct.pack("IHHII", 16 + len(body), kind, flags | _NLM_F_REQUEST | _NLM_F_ACK, 1, 0) + body)
        code = struct.unpack_from("i", kernel.recv(65_536), 16)[0]
    if code:
        raise OSError(-code, os.strerror(-code))


def _call(name: str, *arguments: int) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _probe() -> None:
    """Do once all that is done for an environment. Raises OSError where the kernel gives no namespaces."""
    user, group = os.getuid(), os.getgid()
    try:
        _call("unshare", _CLONE_NEWNS)
    except OSError:
        _call("unshare", _CLONE_NEWNS | _CLONE_NEWUSER)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    here = new()
    furnish("10.0.0.4")
    add("10.0.0.5")
    remove("10.0.0.5")
    enter(here)


if __name__ == "__main__":
    _probe()
