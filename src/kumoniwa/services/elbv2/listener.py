"""Listeners: at which port a load balancer hears what, with which certificates, and what it does unless a rule says otherwise."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import certificate as certificates
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.elbv2 import attribute, balancer, condition, hosts, port, rule, security_policy, tag, target_group
from kumoniwa.services.elbv2.balancer import LoadBalancer
from kumoniwa.services.elbv2.errors import (
    CertificateNotFoundException,
    DuplicateListenerException,
    InvalidConfigurationRequestException,
    ListenerNotFoundException,
    OperationNotPermittedException,
    TooManyCertificatesException,
    TooManyListenersException,
)
from kumoniwa.services.elbv2.limit import LIMITS
from kumoniwa.services.elbv2.listener_record import PROTOCOLS, Listener


class UnsupportedCertificate(AwsError):
    """The model does not know it: https://github.com/hashicorp/terraform-provider-aws/issues/9125"""

    status = 400


def existing(call: Call, arn: str) -> Listener:
    held = call.shelf(Listener).get(arn)
    if held is None:
        if ":listener/" not in arn:
            raise ValidationError(f"'{arn}' is not a valid listener ARN")
        raise ListenerNotFoundException
    return held


def _by_balancer(call: Call) -> dict[str, list[Listener]]:
    found: dict[str, list[Listener]] = {}
    for each in sorted(call.shelf(Listener).values(), key=lambda each: (each.created, each.arn)):
        found.setdefault(each.balancer, []).append(each)
    return found


def of_balancer(call: Call, arn: str) -> list[Listener]:
    return call.shelf(Listener).derived(_by_balancer, call).get(arn, [])


def shown(call: Call, listener: Listener) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.balancer,
        "Port": listener.port,
        "Protocol": listener.protocol,
        "DefaultActions": rule.default(call, listener.arn).actions,
    }
    if listener.protocol == "HTTPS":
        told |= {"Certificates": [{"CertificateArn": listener.certificate}], "SslPolicy": listener.policy, "MutualAuthentication": {"Mode": "off"}}
    return told


# What others must know of it ----------------------------------------------------------------------------------------


def show(call: Call, held: LoadBalancer) -> None:
    """Let the gate know the names of a balancer, and ACM which certificates it shows."""
    listeners = of_balancer(call, held.arn)
    secure = next((each for each in listeners if each.is_public and each.protocol == "HTTPS"), None)
    patterns = [name for each in listeners for one in rule.of_listener(call, each.arn) for name in condition.hosts_of(one.conditions)]
    hosts.keep(call, held, secure, tuple(patterns))
    target_group.look_again(call)
    certificates.use(call, held.arn, *dict.fromkeys(arn for each in listeners for arn in each.every_certificate))


# Operations ---------------------------------------------------------------------------------------------------------


def _check_protocol(protocol: str | None, number: int | None) -> None:
    if number is None:
        raise ValidationError("A listener port must be specified")
    if protocol is None:
        raise ValidationError("A listener protocol must be specified")
    if protocol not in PROTOCOLS:
        raise ValidationError(f"Listener protocol '{protocol}' must be one of '{', '.join(PROTOCOLS)}'")
    if protocol != "HTTPS" and number == 443 or protocol != "HTTP" and number == 80:
        raise NotImplementedHere(f"{protocol} listeners of load balancers at port {number}")


def _check_certificate(call: Call, arn: str) -> None:
    parsed = arns.parse(arn)
    if parsed is not None and parsed.service == "iam":
        raise NotImplementedHere("server certificates of IAM at load balancers")
    held = certificates.held(call, arn)
    if held is None:
        raise CertificateNotFoundException(f"Certificate '{arn}' not found")
    if held.status != "ISSUED":
        raise UnsupportedCertificate(
            f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a supported key size."
        )


def _certificate(call: Call, protocol: str, said: list[dict] | None, before: str = "") -> str:
    if protocol != "HTTPS":
        if said:
            raise ValidationError(f"Certificates cannot be specified for {protocol} listeners")
        return ""
    if said is None:
        if before:
            return before
        raise ValidationError("A certificate must be specified for HTTPS listeners")
    if len(said) != 1:
        raise InvalidConfigurationRequestException("You must provide a list containing exactly one certificate if the listener protocol is HTTPS.")
    arn = said[0].get("CertificateArn", "")
    _check_certificate(call, arn)
    return arn


def _policy(protocol: str, said: str | None, before: str = "") -> str:
    if protocol != "HTTPS":
        if said is not None:
            raise ValidationError(f"An SSL policy cannot be specified for {protocol} listeners")
        return ""
    return security_policy.checked(said or before or security_policy.DEFAULT)


def _check_mutual(said: dict[str, Any] | None) -> None:
    if said and said.get("Mode", "off") != "off":
        raise NotImplementedHere(f"mutual authentication of load balancers in the mode {said['Mode']}")


async def CreateListener(
    call: Call,
    *,
    LoadBalancerArn: str,
    DefaultActions: list[dict],
    Protocol: str | None = None,
    Port: int | None = None,
    SslPolicy: str | None = None,
    Certificates: list[dict] | None = None,
    Tags: list[dict] | None = None,
    MutualAuthentication: dict | None = None,
) -> dict:
    """A listener of another port than 80 and 443 hears at that port of this machine; if somebody else has it, it is not made."""
    held = balancer.existing(call, LoadBalancerArn)
    _check_protocol(Protocol, Port)
    _check_mutual(MutualAuthentication)
    tags = tag.checked(Tags)
    certificate, policy = _certificate(call, Protocol, Certificates), _policy(Protocol, SslPolicy)
    arn = f"{LoadBalancerArn.replace(':loadbalancer/', ':listener/')}/{call.ids.hex(16)}"
    made = Listener(
        arn=arn, balancer=LoadBalancerArn, protocol=Protocol, port=Port, created=call.now(), policy=policy, certificate=certificate, tags=tags
    )

    def put() -> Listener:
        if any(each.port == Port for each in of_balancer(call, LoadBalancerArn)):
            raise DuplicateListenerException
        if len(of_balancer(call, LoadBalancerArn)) >= LIMITS["listeners-per-application-load-balancer"]:
            raise TooManyListenersException("The maximum number of listeners has been reached")
        call.shelf(Listener)[arn] = made
        rule.put_default(call, made, DefaultActions)
        show(call, held)
        return made

    await port.opened(call, made)
    try:
        call.atomically(put)
    except BaseException:
        await port.closed(call, made)
        raise
    return {"Listeners": [shown(call, made)]}


async def ModifyListener(
    call: Call,
    *,
    ListenerArn: str,
    Port: int | None = None,
    Protocol: str | None = None,
    SslPolicy: str | None = None,
    Certificates: list[dict] | None = None,
    DefaultActions: list[dict] | None = None,
    MutualAuthentication: dict | None = None,
) -> dict:
    before = existing(call, ListenerArn)
    protocol, number = Protocol or before.protocol, Port or before.port
    _check_protocol(protocol, number)
    _check_mutual(MutualAuthentication)
    certificate = _certificate(call, protocol, Certificates, before.certificate)
    policy = _policy(protocol, SslPolicy, before.policy)
    after = changed(
        before, protocol=protocol, port=number, certificate=certificate, policy=policy, more=before.more if protocol == "HTTPS" else ()
    )

    def put() -> None:
        if any(each.port == number and each.arn != ListenerArn for each in of_balancer(call, before.balancer)):
            raise DuplicateListenerException
        call.shelf(Listener)[ListenerArn] = after
        if DefaultActions is not None:
            rule.put_default(call, after, DefaultActions)
        show(call, balancer.existing(call, before.balancer))

    await port.opened(call, after)
    try:
        call.atomically(put)
    except BaseException:
        await port.opened(call, before)
        raise
    return {"Listeners": [shown(call, after)]}


def drop(call: Call, listener: Listener) -> None:
    """Take a listener and its rules away, in a step that lets the gate know by itself."""
    rule.drop_all(call, listener.arn)
    call.shelf(Listener).pop(listener.arn, None)
    certificates.use(call, listener.balancer)
    call.after_commit(lambda: call.home.spawn(port.closed(call, listener)))


def DeleteListener(call: Call, *, ListenerArn: str) -> None:
    held = existing(call, ListenerArn)
    drop(call, held)
    show(call, balancer.existing(call, held.balancer))


def DescribeListeners(call: Call, *, LoadBalancerArn: str | None = None, ListenerArns: list[str] | None = None) -> dict:
    if LoadBalancerArn and ListenerArns:
        raise ValidationError("Listener ARNs and a load balancer ARN cannot be specified at the same time")
    if ListenerArns:
        return {"Listeners": [shown(call, existing(call, arn)) for arn in ListenerArns]}
    if not LoadBalancerArn:
        raise ValidationError("You must specify either listener ARNs or a load balancer ARN")
    balancer.existing(call, LoadBalancerArn)
    return {"Listeners": [shown(call, each) for each in of_balancer(call, LoadBalancerArn)]}


def DescribeListenerAttributes(call: Call, *, ListenerArn: str) -> dict:
    return {"Attributes": attribute.shown(attribute.OF_LISTENERS, existing(call, ListenerArn).attributes)}


def ModifyListenerAttributes(call: Call, *, ListenerArn: str, Attributes: list[dict]) -> dict:
    held = existing(call, ListenerArn)
    laid = attribute.laid(attribute.OF_LISTENERS, held.attributes, Attributes, "Listener")
    call.shelf(Listener)[ListenerArn] = changed(held, attributes=laid)
    return {"Attributes": attribute.shown(attribute.OF_LISTENERS, laid)}


# Certificates -------------------------------------------------------------------------------------------------------


def _secure(call: Call, arn: str) -> Listener:
    held = existing(call, arn)
    if held.protocol != "HTTPS":
        raise ValidationError(f"Certificates cannot be specified for {held.protocol} listeners")
    return held


def AddListenerCertificates(call: Call, *, ListenerArn: str, Certificates: list[dict]) -> dict:
    held = _secure(call, ListenerArn)
    named = [each.get("CertificateArn", "") for each in Certificates]
    for arn in named:
        _check_certificate(call, arn)
    more = tuple(dict.fromkeys((*held.more, *(arn for arn in named if arn != held.certificate))))
    if len(more) > LIMITS["certificates-per-application-load-balancer"]:
        raise TooManyCertificatesException("The maximum number of certificates has been reached")
    call.shelf(Listener)[ListenerArn] = changed(held, more=more)
    show(call, balancer.existing(call, held.balancer))
    return {"Certificates": [{"CertificateArn": arn, "IsDefault": arn == held.certificate} for arn in named]}


def RemoveListenerCertificates(call: Call, *, ListenerArn: str, Certificates: list[dict]) -> dict:
    held = _secure(call, ListenerArn)
    named = {each.get("CertificateArn", "") for each in Certificates}
    if held.certificate in named:
        raise OperationNotPermittedException("The default certificate cannot be removed from a listener")
    call.shelf(Listener)[ListenerArn] = changed(held, more=tuple(arn for arn in held.more if arn not in named))
    show(call, balancer.existing(call, held.balancer))
    return {}


def DescribeListenerCertificates(call: Call, *, ListenerArn: str) -> dict:
    held = existing(call, ListenerArn)
    return {"Certificates": [{"CertificateArn": arn, "IsDefault": arn == held.certificate} for arn in held.every_certificate]}


