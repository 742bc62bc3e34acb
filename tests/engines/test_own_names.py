"""Names under localhost in functions, whatever this machine's resolver knows of them."""

import socket

from kumoniwa.engines.lambda_runtime import zygote


def test_a_name_under_localhost_is_this_machine(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)
    zygote._know_names_of_this_machine()
    for name in ("orders.c1.us-east-1.rds.localhost", "Orders.LOCALHOST."):
        assert {found[4] for found in socket.getaddrinfo(name, 5_432, type=socket.SOCK_STREAM)} == {("127.0.0.1", 5_432)}
