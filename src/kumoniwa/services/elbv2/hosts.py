"""The host names of a load balancer: its own, and those of customers' that its certificates and its rules speak of.

On AWS a balancer is told by its address, whatever host name is asked for. Here each has a loopback address to itself, to which Route 53 leads;
who comes to an address that all share (as the system's resolver has him do) says by a name which is meant: the gate knows the names that a
balancer's certificates are for, and those that its rules ask for. Who asks first for a customer's name has it.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from kumoniwa.aws import endpoints
from kumoniwa.gate import certificate as certificates
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName, TlsTerms
from kumoniwa.kernel.call import Call
from kumoniwa.services.elbv2.security_policy import POLICIES

SERVICE, PRINCIPAL = "elbv2", "elasticloadbalancing.amazonaws.com"


def named(call: Call, name: str, scheme: str) -> str:
    """A host name, and with it an address, that nobody has. AWS's begin so and end in ``elb.amazonaws.com``."""
    prefix, taken = "internal-" if scheme == "internal" else "", {each.address for each in _shelf(call).values()}
    while True:
        number = "".join(str(call.ids.random.randrange(10)) for _ in range(9))
        host = f"{prefix}{name}-1{number}.{call.region}.elb.localhost".lower()
        if endpoints.address_of(host) not in taken:
            return host


def zone_of(region: str) -> str:
    return endpoints.BALANCER_ZONES.get(region, "")


def _shelf(call: Call) -> Any:
    return call.home.store.shelf(SHARED, HostName)


def keep(call: Call, balancer: Any, secure: Any = None, patterns: tuple[str, ...] = ()) -> None:
    """See that the gate knows the names of a balancer: ``secure`` is its listener of TLS at the public door, ``patterns`` the host names that its rules ask for."""
    shelf, names = _shelf(call), {balancer.host: ""}
    listed = secure.every_certificate if secure is not None else ()
    held = [(arn, found) for arn in listed if (found := certificates.held(call, arn)) is not None]
    for pattern in (*(name.lower() for _, found in held for name in found.names), *(each.lower() for each in patterns)):
        if _is_name(pattern):
            names.setdefault(pattern, "")
    if secure is not None:
        for name in names:
            names[name] = chosen(held, name) or listed[0]
    for name in [name for name, each in shelf.items() if each.target == balancer.arn and name not in names]:
        del shelf[name]
    terms = _terms(balancer, secure) if secure is not None else None
    stand(call, balancer)
    for name, certificate in names.items():
        if name not in shelf or shelf[name].target == balancer.arn:
            wanted = HostName(
                name=name, account=call.account, service=SERVICE, certificate=certificate, target=balancer.arn, terms=terms,
                address=(endpoints.address_of(name) or "") if name == balancer.host else "",
            )  # fmt: skip
            if shelf.get(name) != wanted:
                shelf[name] = wanted


def _is_name(pattern: str) -> bool:
    """Whether the gate can go by it: a name, or a wildcard for its first label."""
    rest = pattern.removeprefix("*.")
    return "." in rest and "*" not in rest and "?" not in rest and not rest.endswith(".localhost")


def chosen(held: list[tuple[str, Any]], name: str) -> str | None:
    """The certificate that is shown under a name: the first that is for it, one for it alone before one for many.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html"""
    fitting = [(arn, found) for arn, found in held if certificates.covers(found.names, name)]
    exact = [arn for arn, found in fitting if any(name == each.lower() for each in found.names)]
    return exact[0] if exact else fitting[0][0] if fitting else None


def _terms(balancer: Any, secure: Any) -> TlsTerms:
    policy = POLICIES[secure.policy]
    return TlsTerms(versions=policy.versions, ciphers=policy.ciphers, speaks_http_2=balancer.is_on("routing.http2.enabled"))


def release_others(call: Call, balancers: Container[str]) -> None:
    """Names of the account's balancers that are not there."""
    shelf = _shelf(call)
    for name, each in list(shelf.items()):
        if each.service == SERVICE and each.account == call.account and each.target not in balancers:
            del shelf[name]


def stand(call: Call, balancer: Any, *, is_there: bool = True) -> None:
    """Have the door listen at the balancer's own address, at which it is meant whatever name a client asks for."""
    address, outside = endpoints.address_of(balancer.host), call.home.outside
    if address is not None and outside is not None:
        call.after_commit(lambda: outside.stand_at(address, is_there))


def release(call: Call, balancer: Any) -> None:
    shelf = _shelf(call)
    stand(call, balancer, is_there=False)
    for name in [name for name, each in shelf.items() if each.target == balancer.arn]:
        del shelf[name]
