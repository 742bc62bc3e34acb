"""Who asks."""

from __future__ import annotations

from kumoniwa.kernel.record import Record, changed


class Principal(Record):
    """An authenticated caller, or nobody.

    ``kind`` is root, user, role (an assumed role's session), federated, service or anonymous. ``arn`` is what GetCallerIdentity answers,
    ``source_arn`` names the IAM entity whose policies count (for a session its role). ``key_id`` is the access key that signed.
    """

    kind: str
    account: str
    arn: str
    user_id: str = ""
    source_arn: str = ""
    key_id: str = ""
    session_policies: tuple[str, ...] = ()
    """Documents, or ARNs of managed policies."""
    tags: dict[str, str] = {}
    transitive_tags: tuple[str, ...] = ()
    """Keys of ``tags`` that a role's session hands on to the roles it assumes."""
    context: dict[str, str] = {}
    """Condition keys that belong to the session: aws:MultiFactorAuthPresent, aws:TokenIssueTime, aws:SourceArn, …"""
    is_inside: bool = False
    """Whether the keys were given to a process of this cloud, such as a function's. It is told an address without TLS, because its
    calls do not leave the house; on AWS its SDK would speak TLS."""

    via: tuple[str, ...] = ()
    """The services that passed on what he asked (``cloudformation.amazonaws.com``), in their order: aws:CalledVia."""
    held_by: str = ""
    """The service that assumed the role whose session this is; empty where STS gave its keys to whoever asked."""
    through: str = ""
    """The AWS service that carries out what he asked of it (``cloudformation.amazonaws.com``), while it asks others for him."""

    @property
    def is_unbound_root(self) -> bool:
        """A root user who may do whatever its account may; in a privileged session it may do its task alone."""
        return self.kind == "root" and not self.session_policies

    @property
    def is_assumed_root(self) -> bool:
        """A root user in the privileged session that STS opened for those who manage its organization."""
        return "aws:AssumedRoot" in self.context


def forwarded(principal: Principal, service: str) -> Principal:
    """Whoever calls a service (by its prefix, ``dynamodb``), as those see him whom it asks for him: a forward access session. A service that
    asks for itself or as a role that it assumed passes nobody on, nor does the root user without a key, who stands for its own role.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html"""
    asks_itself = principal.kind in ("service", "anonymous") or (principal.kind == "root" and not principal.key_id)
    if asks_itself or principal.held_by.removesuffix(".amazonaws.com").rpartition(".")[2] == service:
        return principal
    return changed(principal, via=(*principal.via, f"{service}.amazonaws.com"))


def root(account: str, key_id: str = "", partition: str = "aws") -> Principal:
    return Principal(kind="root", account=account, arn=f"arn:{partition}:iam::{account}:root", user_id=account, key_id=key_id)


def linked(service: str, account: str, partition: str = "aws") -> Principal:
    """A service (elasticloadbalancing.amazonaws.com) as it keeps what it needs in an account, which on AWS a service-linked role does."""
    return changed(root(account, partition=partition), via=(service,))


ANONYMOUS = Principal(kind="anonymous", account="", arn="*", user_id="anonymous")


def service(name: str, account: str, **context: str) -> Principal:
    """An AWS service acting for itself, such as apigateway.amazonaws.com."""
    return Principal(kind="service", account=account, arn=name, user_id=name, context=context)
