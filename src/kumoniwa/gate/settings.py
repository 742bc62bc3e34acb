"""What the person who started the cloud decided."""

from __future__ import annotations

from kumoniwa.kernel.record import Record


class Settings(Record):
    auth: str = "open"
    """``open``: a key nobody issued is the root of its account. ``strict``: it is refused."""
    iam: str = "enforce"
    """``enforce`` refuses, ``audit`` allows and records, ``off`` does not evaluate."""
    is_lenient: bool = False
    """Parameters we do not implement are recorded and ignored instead of refused."""
    account: str = "000000000000"
    """The account of keys that name none."""
    region: str = "us-east-1"
    """The region of requests that name none."""
    regions: tuple[str, ...] = ()
    """The regions that exist; empty for all of AWS's."""
    endpoint: str = "http://127.0.0.1:4566"
    """Where functions and services reach this cloud."""
    seal: bytes = b""
    """The cloud's key (32 bytes) under which session tokens are sealed."""
    root_key: tuple[str, str] | None = None
    """The key, as id and secret, by which the default account's root enters a ``strict`` cloud."""
    dns: str = ""
    """Where this cloud's name servers listen, as ``address:port``; empty where there are none."""
    xray: str = ""
    """Where the daemon of X-Ray listens for programs outside, as ``address:port``; empty where there is none."""
    places: str = ""
    """A file that says where clients are, for routing and rules by place; empty for the table of ``gate/place``."""
    is_fsync: bool = False
    pace: str = "instant"
