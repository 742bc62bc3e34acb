"""Names under localhost in functions, whatever this machine's resolver knows of them."""

import socket

from kumoniwa.engines.lambda_runtime import zygote


def test_the_name_of_a_proxy_spells_its_address_and_who_asks_for_a_database_from_outside_is_told_so_once(monkeypatch, capfd):
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)
    zygote._know_names_of_this_machine()
    for name in ("pool.proxy-abcdef400102.us-east-1.rds.localhost", "own.endpoint.proxy-abcdef400102.us-east-1.rds.localhost"):
        assert {found[4][0] for found in socket.getaddrinfo(name, 5_432)} == {"127.64.1.2"}
        socket.getaddrinfo(name, 5_432)
        assert capfd.readouterr().err.count(f"{name} is in a VPC and this function is not") == 1
    socket.getaddrinfo.is_in_network = True
    socket.getaddrinfo("orders.c1.us-east-1.rds.localhost", 5_432)
    assert capfd.readouterr().err == ""


def test_a_name_under_localhost_is_this_machine(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)
    zygote._know_names_of_this_machine()
    for name in ("orders.c1.us-east-1.rds.localhost", "Orders.LOCALHOST."):
        assert {found[4] for found in socket.getaddrinfo(name, 5_432, type=socket.SOCK_STREAM)} == {("127.0.0.1", 5_432)}
