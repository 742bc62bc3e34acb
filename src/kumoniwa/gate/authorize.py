"""May they? Every call of every service is put to the policies of its caller and of what it touches.

Decisions come from ``languages.policy_decision``; this file gathers the question. What issued principals did is kept,
so that least-privilege policies can be proposed from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from kumoniwa.aws import actions, managed_policies, models
from kumoniwa.gate import denial, organization, tags
from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.faults import role_names
from kumoniwa.gate.identity import SHARED, UNKNOWN_KEY, Document, Identity, InvalidClientTokenId
from kumoniwa.gate.organization import FREE, Bounds, Member
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call, account_of
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.operation import Service, load
from kumoniwa.kernel.principal import Principal
from kumoniwa.languages.policy import TRUST_ACTIONS, MalformedPolicyDocument, Policy, parse
from kumoniwa.languages.policy_decision import Authority, Decision, Layer, Levels, keys_of, through_endpoint
from kumoniwa.store.rows import Table

if TYPE_CHECKING:
    from kumoniwa.gate.route import Route

OBSERVED = Table(
    "observed",
    """create table if not exists observed (who text, action text, resource text, was_allowed integer, first real,
       primary key (who, action, resource, was_allowed)) without rowid""",
)
AUTHORITIES_MAX = 4_096
OBSERVED_REMEMBERED_MAX = 65_536


class AccessDenied(AwsError):
    """In the words of the query and XML protocols."""

    status = 403
    message = "Access Denied"


class AccessDeniedException(AccessDenied):
    """In the words of the JSON protocols; 400 over json 1.x, 403 over REST."""


class JsonAccessDenied(AccessDeniedException):
    code = "AccessDeniedException"
    status = 400


class MissingAuthenticationToken(AwsError):
    status = 403
    message = "Request is missing Authentication Token"


class JsonMissingAuthenticationToken(MissingAuthenticationToken):
    code = "MissingAuthenticationTokenException"
    status = 400


class AuthorizationError(AccessDenied):
    """In SNS's words."""


class UnauthorizedOperation(AwsError):
    """In EC2's words, which say why in a message that STS decodes."""

    status = 403


REFUSALS = {"json": JsonAccessDenied, "rest-json": AccessDeniedException, "smithy-rpc-v2-cbor": JsonAccessDenied}
MISSING_TOKEN = {"json": JsonMissingAuthenticationToken, "smithy-rpc-v2-cbor": JsonMissingAuthenticationToken}


_DENY = {"Sid": "Unreadable", "Effect": "Deny", "Action": "*", "Resource": "*"}
_UNREADABLE = {
    "identity": parse({"Version": "2012-10-17", "Statement": _DENY}, "identity"),
    "scp": parse({"Version": "2012-10-17", "Statement": _DENY}, "scp"),
    "resource": parse({"Version": "2012-10-17", "Statement": {**_DENY, "Principal": "*"}}, "resource"),
    "trust": parse({"Statement": {"Effect": "Deny", "Action": [*TRUST_ACTIONS], "Principal": {"AWS": "*"}}}, "trust"),
}
_INJECTED = Layer(
    "identity-based policy",
    article="an",
    policies=(parse({"Version": "2012-10-17", "Statement": {**_DENY, "Sid": "InjectedFault"}}, "identity"),),
)
_EVERYTHING = parse({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "identity")


@lru_cache(maxsize=8192)
def compiled(document: str, kind: str, name: str = "") -> Policy:
    """A stored document. It was checked when it was stored; should it be unreadable nevertheless, it denies everything."""
    try:
        return parse(document, kind, name=name)
    except MalformedPolicyDocument:
        return _UNREADABLE[kind]

_OWN_KEYS = frozenset({"root", "user", "federated"})
"""Whoever holds long-lived keys, or is federated by them: with temporary keys they have no way to IAM.
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html"""


def _is_shut_out(principal: Principal) -> bool:
    """Whether these are temporary keys that IAM does not take: of those who hold keys of their own, made without MFA."""
    held = principal.context
    return (
        principal.kind in _OWN_KEYS
        and not principal.is_assumed_root
        and "aws:TokenIssueTime" in held
        and (principal.kind == "federated" or held.get("aws:MultiFactorAuthPresent") != "true")
    )


def _tags_of(call: Call, service: Service, arn: str, keys: Iterable[str]) -> dict[str, Any]:
    """The condition keys of a resource's tags, if ``keys`` ask for one of them. What does not exist has none."""
    if service.tags_of is None or not any(key.startswith(service.tag_keys) for key in keys):
        return {}
    try:
        return tags.of_resource(service.tags_of(call, arn), service.tag_keys)
    except AwsError:
        return {}


class Authorizer:
    def __init__(self, home) -> None:
        self.home = home
        self.mode = home.settings.iam
        # What AWS keeps once for all regions is asked in this one: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
        self._region = "us-east-1" if home.name == GLOBAL else home.name
        # In a cloud without organizations this is empty, and a call pays no more than asking whether it is.
        self._members: dict[str, Member] = home.store.shelf(SHARED, Member).records
        self._bounds: dict[str, Bounds] = {}
        self._authorities: dict[tuple, Authority] = {}
        self._keys: dict[tuple, dict[str, Any]] = {}
        self._seen: set[tuple] = set()

    def forget(self) -> None:
        """Identities or organizations changed: compile them again when they are next asked about."""
        self._bounds.clear()
        self._authorities.clear()
        self._keys.clear()

    # The question each call puts ----------------------------------------------------------------

    def admit(self, call: Call, route: Route, params: dict[str, Any]) -> None:
        """Let the call in, or raise AccessDenied. Also settles whose account the call touches."""
        service = route.service
        if (self.mode == "off" or not route.action) and call.principal.kind in ("role", "user"):
            # Nobody decides about it, so that what was used is not noted with a decision.
            prefix = actions.prefix(service.name)
            self.home.gate.usage.note(f"{call.principal.user_id.partition(':')[0]} {prefix}", prefix)
        if service.name == "iam" and _is_shut_out(call.principal):
            raise InvalidClientTokenId(hint="Keys of GetSessionToken without MFA and of GetFederationToken cannot call IAM.")
        if self._members and (caller := self._members.get(call.principal.account)) is not None and caller.is_suspended:
            raise UNKNOWN_KEY.get(route.family, InvalidClientTokenId)(hint=f"The account {caller.account} is closed.")
        owner = service.owner_of(call, route.name, params) if service.owner_of is not None else None
        if owner is not None:
            call.account = owner
        touched = service.resource_of(call, route.name, params) if service.resource_of is not None else "*"
        if type(touched) is str:
            if owner is None:
                self._settle_account(call, touched)
            self._admit(call, route, params, route.action, touched)
            return
        needs = [need if isinstance(need, tuple) else (route.action, need) for need in touched]
        if needs and owner is None:
            self._settle_account(call, needs[0][1])
        for action, arn in needs:
            self._admit(call, route, params, action, arn)

    def _settle_account(self, call: Call, arn: str) -> None:
        parts = arn.split(":", 5)
        # The ARN may be a client's own words, and an account becomes the name of a file.
        if len(parts) == 6 and parts[4] != call.account and len(parts[4]) == 12 and parts[4].isascii() and parts[4].isdigit():
            call.account = parts[4]
        elif not call.account:
            call.account = self.home.settings.account

    def _admit(self, call: Call, route: Route, params: dict[str, Any], action: str, arn: str) -> None:
        if self.mode == "off" or not action:
            return
        principal, service = call.principal, route.service
        if call.request is not None and call.request.way is not None and call.request.way.policy:
            self._pass_endpoint(call, route, params, action, arn)
        document = service.policy_of(call, arn) if service.policy_of is not None else None
        bounds = self.bounds(call.account) if self._members else FREE
        if principal.is_unbound_root and document is None and call.account == principal.account and bounds is FREE:
            return
        if bounds.is_closed:
            raise REFUSALS.get(route.protocol, AccessDenied)(hint=f"The account {call.account} is closed.")
        if principal.kind == "anonymous" and route.model.is_unsigned:
            return
        if self.home.faults and self.home.faults.hit("iam.deny", role=role_names(principal), actions=action):
            injected = Decision(principal, action, arn, layer=_INJECTED, denied_by=_INJECTED.policies[0].statements[0])
            raise self._denial(injected, route.protocol, self._context(call))
        policy = compiled(document, "trust" if service.name == "sts" else "resource") if document else None
        # A resource that has no policy of its own, such as the key that CreateKey is about to make, cannot allow anything.
        must_allow = service.resource_must_allow and policy is not None
        rcps = () if bounds is FREE else self.rcps(principal, action, call.account)
        if rcps and service.is_of_aws is not None and service.is_of_aws(call, arn):
            rcps = ()
        authority = self._authority(principal)
        decision = authority.settled.get((action, arn, policy, call.account, must_allow, rcps))
        if decision is None:
            asked = partial(self._asked, call, route, params, arn)
            decision = authority.decide(action, arn, asked, policy, call.account, must_allow, rcps)
        if decision not in self.home.gate.usage.noted:
            self._note(decision)
        if not decision.is_allowed and self.mode == "enforce":
            if service.denied is not None:
                service.denied(call, route.name, action, params)
            raise self._denial(decision, route.protocol, self._asked(call, route, params, arn, ()))

    def _pass_endpoint(self, call: Call, route: Route, params: dict[str, Any], action: str, arn: str) -> None:
        """What comes through a VPC's endpoint its policy must let pass, too."""
        policy, context = compiled(call.request.way.policy, "resource"), self._asked(call, route, params, arn, ())
        decision = through_endpoint(policy, call.principal, action, arn, context)
        if not decision.is_allowed and self.mode == "enforce":
            raise self._denial(decision, route.protocol, context)

    def _asked(self, call: Call, route: Route, params: dict[str, Any], arn: str, keys: Iterable[str]) -> dict[str, Any]:
        """The condition keys of a request, with those of its service; the tags of what it touches only if ``keys`` ask for one."""
        context = self._context(call)
        if route.told_tags:
            context.update(tags.of_request(route.name, params, route.told_tags))
        if route.service.conditions_of is not None:
            context.update(route.service.conditions_of(call, route.name, params))
        return context | _tags_of(call, route.service, arn, keys)

    def _denial(self, decision: Decision, protocol: str, context: dict[str, Any]) -> AwsError:
        hint = decision.hint
        if context.get("aws:securetransport") is False and decision.denied_by is not None and "aws:securetransport" in decision.denied_by.keys:
            port = self.home.settings.endpoint.rpartition(":")[2]
            hint = (
                'A policy refuses what comes without TLS. The same port speaks it: eval "$(kumoniwa env)", or '
                f"AWS_ENDPOINT_URL=https://localhost:{port} and for AWS_CA_BUNDLE (Node.js: NODE_EXTRA_CA_CERTS) the file that "
                f"http://localhost:{port}/_kumoniwa/ca.pem answers."
            )
        if protocol == "ec2" and decision.principal.kind != "anonymous":
            message = denial.encoded(self.home.settings.seal, decision, context)
            return UnauthorizedOperation(
                f"You are not authorized to perform this operation. {decision.text}. Encoded authorization failure message: {message}",
                hint=hint,
            )
        is_s3 = decision.action.startswith("s3:")
        if decision.principal.kind == "anonymous" and not decision.is_explicit and not is_s3 and protocol != "query":
            return MISSING_TOKEN.get(protocol, MissingAuthenticationToken)(hint=hint)
        text = decision.text
        if decision.action.startswith("sqs:"):
            # SQS alone prints its actions in lower case: https://github.com/aws/aws-sdk-js-v3/issues/5630
            text = text.replace(decision.action, decision.action.lower())
        if decision.action.startswith("sns:"):
            return AuthorizationError(text.replace(decision.action, f"SNS:{decision.action[4:]}"), hint=hint)
        if decision.action.startswith("ses:Send"):
            # Both APIs of SES quote in a way of their own, as reports of its users show.
            text = f"User `{decision.principal.arn}' is not authorized to perform `{decision.action}' on resource `{decision.resource}'"
        if is_s3:
            is_hidden = decision.layer.name == "resource-based policy" and not decision.is_explicit
            if decision.layer.name == "resource control policy":
                # Why, S3 tells whoever is of the same organization:
                # https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html#access-denied-message-examples
                is_hidden = context.get("aws:principalorgid") != context.get("aws:resourceorgid")
            if decision.principal.kind == "anonymous" or is_hidden:
                text = AccessDenied.message
            else:
                text = text.replace(f"on resource: {decision.resource}", f'on resource: "{decision.resource}"')
        return REFUSALS.get(protocol, AccessDenied)(text, hint=hint)

    def _context(self, call: Call, owner: str | None = None) -> dict[str, Any]:
        """The condition keys of a request for what belongs to ``owner``, or else to the account that the call touches; costly ones as
        callables. Names are in lower case."""
        principal = call.principal
        name = (principal.arn, principal.user_id, principal.key_id, principal.context.get("kms:ViaService"), principal.via)
        keys = self._keys.get(name)
        if keys is None or principal.kind == "service":
            keys = keys_of(principal)
            if principal.kind == "service":
                keys |= organization.keys_of(self._members.get(keys.get("aws:sourceaccount") or ""), "source")
            else:
                keys |= organization.keys_of(self._members.get(principal.account), "principal")
                holder = self._holder(principal)
                if holder is not None:
                    # A session's own tags stand before those of its role.
                    keys = {f"aws:principaltag/{key.lower()}": value for key, value in holder.tags.items()} | keys
                if len(self._keys) >= AUTHORITIES_MAX:
                    self._keys.clear()
                self._keys[name] = keys
        context = dict(keys)
        context["aws:requestedregion"] = self._region
        context["aws:resourceaccount"] = owner = owner or call.account
        if self._members and (belongs := self._members.get(owner)) is not None:
            context |= organization.keys_of(belongs, "resource")
        context["aws:currenttime"] = context["aws:epochtime"] = call.home.clock.now
        if "aws:multifactorauthtime" in context:
            context["aws:multifactorauthage"] = int(call.home.clock.now() - float(context["aws:multifactorauthtime"]))
        request = call.request
        # What services ask of each other does not leave the house.
        context["aws:securetransport"] = request is None or request.is_tls or principal.is_inside
        context["aws:viaawsservice"] = bool(principal.via)
        if request is not None and request.way is not None:
            context |= request.way.keys
        elif request is not None or principal.via:
            # What is passed on keeps the address of who asked first.
            context["aws:sourceip"] = "127.0.0.1"
        if request is not None:
            context["aws:useragent"] = request.headers.get("user-agent")
            context["aws:referer"] = request.headers.get("referer")
        return context

    def _authority(self, principal: Principal) -> Authority:
        name = (principal.arn, principal.user_id, principal.key_id, principal.session_policies)
        authority = self._authorities.get(name)
        if authority is None:
            if len(self._authorities) >= AUTHORITIES_MAX:
                self._authorities.clear()
            authority = self._authorities[name] = self._compiled(principal)
        return authority

    def _compiled(self, principal: Principal) -> Authority:
        session: tuple[Policy, ...] | None = tuple(compiled(self._written(d), "identity", "session") for d in principal.session_policies)
        if not session and principal.kind != "federated":
            session = None
        scps = self.scps(principal)
        if principal.kind == "federated" and principal.source_arn.endswith(":root"):
            return Authority(principal, (_EVERYTHING,), session=session, scps=scps)
        holder = self._holder(principal)
        if holder is None:
            return Authority(principal, session=session, scps=scps)
        policies = tuple(compiled(self._written(grant.document), "identity", grant.name) for grant in holder.grants)
        boundary = compiled(self._written(holder.boundary), "identity", "boundary") if holder.boundary else None
        return Authority(principal, policies, boundary=boundary, session=session, scps=scps)

    def _holder(self, principal: Principal) -> Identity | None:
        """The user or role behind a principal. A role made anew under an old name is not the one whose session this is."""
        held = self.identity(principal.source_arn or principal.arn)
        if held is not None and principal.kind == "role" and held.id != principal.user_id.partition(":")[0]:
            return None
        return held

    def _written(self, document: str) -> str:
        """A document, or what the managed policy says whose ARN stands in its place. One that is gone denies."""
        if not document.startswith("arn:"):
            return document
        if document.startswith(managed_policies.PREFIX):
            held = managed_policies.policies().get(document)
        else:
            held = self.home.store.shelf(SHARED, Document).get(document)
        return held.document if held is not None else ""

    def identity(self, arn: str) -> Identity | None:
        """What IAM has told this region of a user or role."""
        return self.home.store.shelf(SHARED, Identity).get(arn)

    # Organizations ------------------------------------------------------------------------------

    def bounds(self, account: str) -> Bounds:
        """The control policies that bind an account and what it owns."""
        found = self._members.get(account)
        if found is None:
            return FREE
        bounds = self._bounds.get(account)
        if bounds is None:
            bounds = Bounds(self._levels(found.scps, "scp"), self._levels(found.rcps, "resource"), found.is_suspended)
            bounds = self._bounds[account] = FREE if bounds == FREE else bounds
        return bounds

    def _levels(self, levels: tuple[tuple[str, ...], ...], kind: str) -> Levels:
        held = self.home.store.shelf(SHARED, organization.ControlPolicy)
        return tuple(
            tuple(compiled(held[arn].document if arn in held else "", kind, arn.rpartition("/")[2]) for arn in level) for level in levels
        )

    def scps(self, principal: Principal) -> Levels:
        """What limits a principal, whatever it touches."""
        if principal.kind in ("service", "anonymous") or organization.is_service_linked(principal):
            return ()
        return self.bounds(principal.account).scps

    def rcps(self, principal: Principal, action: str, owner: str) -> Levels:
        """What limits whoever does ``action`` to what belongs to ``owner``."""
        rcps = self.bounds(owner).rcps
        is_free = not rcps or not organization.is_resource_controlled(action) or organization.is_service_linked(principal)
        return () if is_free else rcps

    # Further questions --------------------------------------------------------------------------

    def require(self, call: Call, action: str, arn: str, context: dict[str, Any]) -> None:
        """One more permission that an operation needs of its caller (``iam:PassRole``)."""
        principal, service = call.principal, load(call.service)
        is_own = service.policy_of is not None and arn.split(":", 3)[2:3] == [call.service]
        # Of what is the operation's own kind the owner is known and the policy counts, as for the first permission.
        owner = call.account if is_own else account_of(arn, principal.account)
        document = service.policy_of(call, arn) if is_own else None
        is_own_root = principal.is_unbound_root and document is None and owner == principal.account
        if self.mode == "off" or (is_own_root and self.bounds(owner) is FREE):
            return
        said = {key.lower(): value for key, value in context.items()}

        # Who may pass a role does not depend on its tags: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
        is_tagged = action.partition(":")[0] == actions.prefix(call.service) and action != "iam:PassRole"

        def asked(keys: Iterable[str]) -> dict[str, Any]:
            return self._context(call, owner) | (_tags_of(call, service, arn, keys) if is_tagged else {}) | said

        policy = compiled(document, "resource") if document else None
        rcps = self.rcps(principal, action, owner)
        decision = self._authority(principal).decide(action, arn, asked, resource_policy=policy, resource_account=owner, rcps=rcps)
        self._note(decision)
        if not decision.is_allowed and self.mode == "enforce":
            raise self._denial(decision, models.service(call.service).protocol, asked(()))

    def decided(
        self, call: Call, action: str, arn: str, policy: Policy | None, context: dict[str, Any] | None = None
    ) -> Decision | None:
        """The decision on what a data plane of its own is asked (``execute-api:Invoke``), where it is enforced; else None."""
        if self.mode == "off":
            return None
        decision = self._authority(call.principal).decide(
            action, arn, self._context(call) | (context or {}), resource_policy=policy, resource_account=call.account,
            rcps=self.rcps(call.principal, action, call.account),
        )  # fmt: skip
        self._note(decision)
        return decision if self.mode == "enforce" else None

    def assume(self, role_arn: str, service: str, session_name: str, account: str, context: dict[str, str]) -> Principal:
        """The session of a role which an AWS service assumes. Raises AccessDenied if there is no such role or it does not trust it."""
        role = self.identity(role_arn)
        asker = principals.service(service, account, **{"aws:SourceAccount": account, **context})
        if role is None and self.mode != "enforce":
            return role_session(role_arn, "AROAUNKNOWN", session_name, held_by=service)
        trust = compiled(role.trust, "trust") if role is not None else None
        owner = account_of(role_arn, account)
        context = (
            keys_of(asker)
            | organization.keys_of(self._members.get(account), "source")
            | organization.keys_of(self._members.get(owner), "resource")
        )
        rcps = () if organization.SERVICE_LINKED in role_arn else self.rcps(asker, "sts:AssumeRole", owner)
        context["aws:resourceaccount"] = owner
        if role is not None and role.tags:
            context |= tags.of_resource(role.tags, load("sts").tag_keys)
        decision = Authority(asker).decide("sts:AssumeRole", role_arn, context, resource_policy=trust, resource_must_allow=True, rcps=rcps)
        if not decision.is_allowed and self.mode == "enforce":
            raise AccessDenied(decision.text, hint=decision.hint)
        return role_session(role_arn, role.id if role else "AROAUNKNOWN", session_name, held_by=service)

    # What was seen ------------------------------------------------------------------------------

    def _note(self, decision: Decision) -> None:
        """Keep (principal, action, resource), once. Objects are kept by their bucket: a policy names no single key."""
        principal, action, arn = decision.principal, decision.action, decision.resource
        if not self.home.gate.usage.is_new(decision) or principal.kind in ("root", "anonymous", "service"):
            return
        if principal.kind != "federated":
            self.home.gate.usage.note(f"{principal.user_id.partition(':')[0]} {action}", action.partition(":")[0])
        if action.startswith("s3:") and "/" in arn:
            arn = arn.partition("/")[0] + "/*"
        seen = (principal.source_arn or principal.arn, action, arn, decision.is_allowed)
        if seen in self._seen:
            return
        if len(self._seen) >= OBSERVED_REMEMBERED_MAX:
            self._seen.clear()
        self._seen.add(seen)
        # Outside the atomic call: a refusal is remembered although the call it refused is undone.
        self.home.store.journal.soon(partial(self._keep, seen))

    def observed(self, name: str) -> list[dict[str, Any]]:
        """What a role or user, by name or ARN, was seen to ask for here, once for each action and resource."""
        rows = self.home.store.rows(SHARED)
        if OBSERVED.name not in rows.tables:
            rows.use(OBSERVED)
        found = rows.all("select who, action, resource, was_allowed, first from observed order by first, action, resource")
        keys = ("who", "action", "resource", "was_allowed", "first")
        return [dict(zip(keys, row)) for row in found if _names(row[0], name)]

    def _keep(self, seen: tuple) -> None:
        rows = self.home.store.rows(SHARED)
        if OBSERVED.name not in rows.tables:
            rows.use(OBSERVED)
        rows.run("insert or ignore into observed values (?,?,?,?,?)", *seen, self.home.clock.now())


def _names(who: str, name: str) -> bool:
    return who == name or (not name.startswith("arn:") and who.rpartition("/")[2] == name)


def role_session(role_arn: str, role_id: str, session_name: str, **more: Any) -> Principal:
    """The principal that a role's session is."""
    parsed = arns.parse(role_arn)
    account, name = (parsed.account, parsed.resource.rpartition("/")[2]) if parsed else ("", "")
    return Principal(
        kind="role",
        account=account,
        arn=f"arn:{parsed.partition if parsed else 'aws'}:sts::{account}:assumed-role/{name}/{session_name}",
        user_id=f"{role_id}:{session_name}",
        source_arn=role_arn,
        **more,
    )
