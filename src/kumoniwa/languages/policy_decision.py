"""May this caller do this? AWS's policy evaluation logic, for one account and across two.

A denial anywhere wins. Then the guardrails (SCP, RCP) must agree, and then *somebody* must allow: the resource, if it
names the caller directly enough, or else an identity policy together with boundary and session policy.
Across accounts both sides must allow.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html

**The context** is a plain ``dict`` made for one request. Its keys are the condition keys *in lower case*
(``aws:sourceip``, ``aws:requesttag/team``, ``s3:prefix``); a value is a ``str``, ``bool`` or number, a list of strings
for a multivalued key, ``None`` for a key the request does not have, or a callable without arguments that answers one of
these and is asked at most once, and only if a policy wants to know. The gate supplies:

* from the principal, ``keys_of(principal)``: aws:principalarn, aws:principalaccount, aws:principaltype, aws:userid,
  aws:username, aws:principaltag/*, aws:principalisawsservice, aws:principalservicename, and what the session carries:
  aws:multifactorauthpresent, aws:multifactorauthage, aws:tokenissuetime, aws:federatedprovider, aws:sourceidentity,
  aws:sourcearn and aws:sourceaccount (when a service asks for someone), aws:calledvia, aws:viaawsservice
* from the request: aws:sourceip, aws:securetransport, aws:useragent, aws:referer, aws:requestedregion,
  aws:currenttime, aws:epochtime, aws:requesttag/*, aws:tagkeys (list)
* from the resource: aws:resourceaccount, aws:resourcetag/*, aws:resourceorgid, and the service's own keys
* ``aws:principalorgid`` from the organization, if there is one; ``canonicaluser``, the caller's canonical S3 id
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from kumoniwa.languages.policy import Plan, Policy, Statement, plan_of, quoted
from kumoniwa.languages.policy_pattern import values
from kumoniwa.languages.policy_principal import Grade

if TYPE_CHECKING:
    from kumoniwa.kernel.principal import Principal

DECISIONS_REMEMBERED_MAX = 4_096

Levels = tuple[tuple[Policy, ...], ...]
"""Policies of an organization: its root's, its units', the account's. Each level must allow."""

_TYPES = {
    "root": "Account",
    "user": "User",
    "role": "AssumedRole",
    "federated": "FederatedUser",
    "anonymous": "Anonymous",
}
_CLOCKS = frozenset(("aws:currenttime", "aws:epochtime"))


def keys_of(principal: Principal) -> dict[str, Any]:
    """The condition keys that belong to the caller. The same for all its requests; copy it into each context."""
    keys: dict[str, Any] = {f"aws:principaltag/{key.lower()}": value for key, value in principal.tags.items()}
    keys |= {key.lower(): value for key, value in principal.context.items()}
    if principal.via:
        keys |= {"aws:calledvia": principal.via, "aws:calledviafirst": principal.via[0], "aws:calledvialast": principal.via[-1]}
    keys["aws:userid"] = principal.user_id or None
    keys["aws:principalisawsservice"] = principal.kind == "service"
    if principal.kind == "service":
        keys["aws:principalservicename"] = principal.arn
        return keys
    keys["aws:principaltype"] = _TYPES.get(principal.kind)
    if principal.kind != "anonymous":
        # For a session this is the role's ARN, so that policies need not know session names.
        keys["aws:principalarn"] = (
            (principal.source_arn or principal.arn) if principal.kind == "role" else principal.arn
        )
        keys["aws:principalaccount"] = principal.account
    if principal.kind == "user":
        keys["aws:username"] = principal.arn.rpartition("/")[2]
    return keys


class Layer(NamedTuple):
    """The policies of one type. ``article`` and ``name`` are AWS's words for it in a refusal."""

    name: str
    policies: tuple[Policy, ...] = ()
    article: str = "a"

    def plan(self, action: str) -> Plan:
        return plan_of(self.policies, action)


_ENDPOINT = Layer("VPC endpoint policy")
_RESOURCE = Layer("resource-based policy")
_TRUST = Layer("role trust policy", article="the")


class Decision:
    """The answer to one question, and why. Shared between equal requests: read it, do not change it."""

    def __init__(
        self,
        principal: Principal,
        action: str,
        resource: str,
        *,
        layer: Layer | None = None,
        denied_by: Statement | None = None,
        allowed_by: Statement | None = None,
    ) -> None:
        self.principal, self.action, self.resource = principal, action, resource
        self.layer = layer
        """Where the refusal comes from; None if allowed."""
        self.is_allowed = layer is None
        self.denied_by, self.allowed_by = denied_by, allowed_by

    @property
    def is_explicit(self) -> bool:
        """A Deny statement refused it, not the mere absence of an Allow."""
        return self.denied_by is not None

    @property
    def statements(self) -> tuple[str, ...]:
        """The ids of the statements that decided."""
        return tuple(found.id for found in (self.denied_by, self.allowed_by) if found is not None)

    @property
    def caller(self) -> str:
        return "anonymous" if self.principal.kind == "anonymous" else self.principal.arn

    @cached_property
    def text(self) -> str:
        """AWS's words. https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
        if self.layer is None:
            return ""
        start = (
            f"User: {self.caller} is not authorized to perform: {self.action} on resource: {self.resource}"
        )
        if self.denied_by is not None:
            return f"{start} with an explicit deny in {self.layer.article} {self.layer.name}"
        return f"{start} because no {self.layer.name} allows the {self.action} action"

    @cached_property
    def hint(self) -> str:
        """How to repair it: the statement that refuses, or the one that would allow."""
        if self.layer is None:
            return ""
        if self.denied_by is not None:
            return f"Denied by statement {self.denied_by.id}: {quoted(self.denied_by.source)}"
        statement: dict[str, Any] = {"Effect": "Allow", "Action": self.action, "Resource": self.resource}
        if self.layer is _TRUST or self.layer is _RESOURCE:
            statement["Principal"] = _element(self.principal)
            if self.layer is _TRUST:
                del statement["Resource"]
            return f"The {self.layer.name} of {self.resource} would need: {quoted(statement)}"
        if self.layer is _ENDPOINT:
            return f"The VPC endpoint policy would need: {quoted(statement | {'Principal': '*'})}"
        holder = self.principal.source_arn or self.principal.arn
        return f"The {self.layer.name} of {holder} would need: {quoted(statement)}"


def _element(principal: Principal) -> Any:
    if principal.kind == "anonymous":
        return "*"
    return {"Service" if principal.kind == "service" else "AWS": principal.source_arn or principal.arn}


def _first(statements: tuple[Statement, ...], resource: str, context: dict[str, Any]) -> Statement | None:
    for statement in statements:
        if statement.applies(resource, context):
            return statement
    return None


def through_endpoint(policy: Policy, principal: Principal, action: str, resource: str, context: dict[str, Any]) -> Decision:
    """Whether the policy of a VPC endpoint lets a caller do something through it, which it must whatever others allow.
    https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html"""
    for is_deny, _, statement in _named(plan_of((policy,), action.lower()), principal, resource, context):
        return Decision(principal, action, resource, layer=_ENDPOINT if is_deny else None, denied_by=statement if is_deny else None)
    return Decision(principal, action, resource, layer=_ENDPOINT)


class Authority:
    """What one principal may do, as far as its own side says: its policies, compiled. Make a new one when they change.

    ``identity`` are the policies attached to user, groups or role. ``boundary`` is the permissions boundary, if any.
    ``session`` are the session policies: None for a session without any, empty for one that was given no rights (a
    federated user). ``scps`` are the service control policies, level by level from the root of the organization down;
    each level must allow. A root user's authority needs no policies; an AWS service and an anonymous caller have none.
    """

    def __init__(
        self,
        principal: Principal,
        identity: tuple[Policy, ...] = (),
        *,
        boundary: Policy | None = None,
        session: tuple[Policy, ...] | None = None,
        scps: Levels = (),
    ) -> None:
        self.principal = principal
        self.has_own_side = principal.kind not in ("service", "anonymous")
        self.identity = Layer("identity-based policy", identity, "an")
        self.limits = tuple(
            Layer(name, policies)
            for name, policies in (
                ("permissions boundary", None if boundary is None else (boundary,)),
                ("session policy", session),
            )
            if policies is not None
        )
        self.guardrails = tuple(Layer("service control policy", level) for level in scps)
        self.layers = (*self.guardrails, self.identity, *self.limits)
        self._keys: dict[Any, tuple[str, ...]] = {}
        self.settled: dict[tuple, Decision] = {}
        """What was decided whatever the context holds, by all that ``decide`` is asked beside it."""
        self._decisions: dict[tuple, Decision] = {}

    def _keys_read(self, action: str, resource_policy: Policy | None, rcps: Levels) -> tuple[str, ...]:
        subject = (action, resource_policy, rcps)
        keys = self._keys.get(subject)
        if keys is None:
            if len(self._keys) >= DECISIONS_REMEMBERED_MAX:
                self._keys.clear()
            others = (*rcps, () if resource_policy is None else (resource_policy,))
            plans = [layer.plan(action) for layer in self.layers] + [
                plan_of(other, action) for other in others
            ]
            keys = self._keys[subject] = tuple(frozenset().union(*(plan.keys for plan in plans)))
        return keys

    def decide(
        self,
        action: str,
        resource: str,
        context: dict[str, Any] | Callable[[tuple[str, ...]], dict[str, Any]],
        resource_policy: Policy | None = None,
        resource_account: str | None = None,
        resource_must_allow: bool = False,
        rcps: Levels = (),
    ) -> Decision:
        """AWS's answer to: may the principal perform ``action`` (``s3:GetObject``) on ``resource`` (an ARN or ``*``)?

        ``resource_account`` is who owns the resource; the principal's account if not given. ``resource_must_allow`` is
        set for role trust policies (by their kind) and KMS key policies, without which identity policies say nothing.
        ``rcps`` are the resource control policies of the owner's organization, level by level.
        Equal questions whose context agrees in the keys the policies read get the same ``Decision`` object. A ``context`` that is a
        callable is told the keys that the policies read, in lower case, and asked if there are any or the question is a new one.
        """
        question: tuple = (action, resource, resource_policy, resource_account, resource_must_allow, rcps)
        decision = self.settled.get(question)
        if decision is not None:
            return decision
        folded = action.lower()
        keys = self._keys_read(folded, resource_policy, rcps)
        if keys:
            context = context(keys) if callable(context) else context
            question += tuple([values(context, key) for key in keys])
            decision = self._decisions.get(question)
            if decision is not None:
                return decision
        context = context(keys) if callable(context) else context
        decision = self._decide(action, folded, resource, context, resource_policy, resource_account, resource_must_allow, rcps)
        if _CLOCKS.isdisjoint(keys):
            held = self._decisions if keys else self.settled
            if len(held) >= DECISIONS_REMEMBERED_MAX:
                held.clear()
            held[question] = decision
        return decision

    def _decide(
        self,
        action: str,
        folded: str,
        resource: str,
        context: dict[str, Any],
        policy: Policy | None,
        owner: str | None,
        resource_must_allow: bool,
        rcps: Levels,
    ) -> Decision:
        principal = self.principal
        resource_layer = _TRUST if policy is not None and policy.kind == "trust" else _RESOURCE
        ceilings = (*self.guardrails, *(Layer("resource control policy", level) for level in rcps))

        def refused(layer: Layer, statement: Statement | None = None) -> Decision:
            return Decision(principal, action, resource, layer=layer, denied_by=statement)

        def allowed(statement: Statement | None) -> Decision:
            return Decision(principal, action, resource, allowed_by=statement)

        for layer in (*ceilings, self.identity, *self.limits):
            denial = _first(layer.plan(folded).denies, resource, context)
            if denial is not None:
                return refused(layer, denial)
        grade, granting = Grade.NOT, None
        if policy is not None:
            for is_deny, named, statement in _named(plan_of((policy,), folded), principal, resource, context):
                if is_deny:
                    return refused(resource_layer, statement)
                if named > grade:
                    grade, granting = named, statement
        for layer in ceilings:
            if _first(layer.plan(folded).allows, resource, context) is None:
                return refused(layer)

        is_foreign = self.has_own_side and owner is not None and owner != principal.account
        must_be_named = is_foreign or resource_must_allow or resource_layer is _TRUST or not self.has_own_side
        if must_be_named and grade == Grade.NOT:
            # Across accounts AWS names the caller's own side first, if that does not allow either.
            own = self._own_side(folded, resource, context) if is_foreign else None
            return refused(own if isinstance(own, Layer) else resource_layer)
        if not self.has_own_side or (grade == Grade.DIRECT and not is_foreign):
            return allowed(granting)
        own = self._own_side(folded, resource, context, is_granted=grade == Grade.ROLE and not is_foreign)
        return refused(own) if isinstance(own, Layer) else allowed(own or granting)

    def _own_side(
        self, folded: str, resource: str, context: dict[str, Any], *, is_granted: bool = False
    ) -> Statement | Layer | None:
        """The identity statement that allows, or the layer that does not. None if no statement was needed."""
        if self.principal.kind == "root":
            return None
        statement = None
        if not is_granted:
            statement = _first(self.identity.plan(folded).allows, resource, context)
            if statement is None:
                return self.identity
        for layer in self.limits:
            if _first(layer.plan(folded).allows, resource, context) is None:
                return layer
        return statement

    def matched(
        self, action: str, resource: str, context: dict[str, Any], *, resource_policy: Policy | None = None
    ) -> list[Statement]:
        """Every statement that applies, not only the one that decided: what iam:SimulatePrincipalPolicy lists."""
        folded = action.lower()
        found = [
            statement
            for layer in self.layers
            for plan in (layer.plan(folded),)
            for statement in (*plan.denies, *plan.allows)
            if statement.applies(resource, context)
        ]
        if resource_policy is not None:
            plan = plan_of((resource_policy,), folded)
            found += [statement for _, _, statement in _named(plan, self.principal, resource, context)]
        return found

    def missing_keys(
        self, action: str, context: dict[str, Any], *, resource_policy: Policy | None = None
    ) -> frozenset[str]:
        """The context keys, in lower case, that the policies ask about for this action and the context does not hold."""
        keys = self._keys_read(action.lower(), resource_policy, ())
        return frozenset(key for key in keys if not values(context, key))


def _named(
    plan: Plan, principal: Principal, resource: str, context: dict[str, Any]
) -> Iterator[tuple[bool, Grade, Statement]]:
    """The statements of a resource's policy that apply and name the caller, denials first."""
    for statement in (*plan.denies, *plan.allows):
        # A policy without principals (a session policy read as a resource's) names nobody.
        named = statement.names(principal, context) if statement.names is not None else Grade.NOT
        if named and statement.applies(resource, context):
            yield statement.is_deny, named, statement
