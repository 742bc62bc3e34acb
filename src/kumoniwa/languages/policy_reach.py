"""Whom outside an account the policy of a resource lets in: found by trying.

Every answer stands for a request that somebody outside could make and that the policy lets through, put to the same compiled statements that
decide real calls, denials included: nothing is claimed that is not so. The requests tried for a statement hold, for each condition key that
it or a denial speaks of, each value that is written there, one that is not, or none.

What identifies the caller (``aws:PrincipalArn``, ``kms:CallerAccount`` …) agrees with the caller that is tried. What says for whom a service
asks (``aws:SourceAccount``, ``aws:SourceArn``) must be somebody outside as well; services of AWS themselves are trusted. Access points there
are none, and ids of entities that are gone (``AIDA…``) are nobody. A policy whose conditions hold variables, or so many values that trying
would not end, is ``Undecided``.

The answers are the most general ones, as in AWS's own analysis ("Stratified Abstraction of Access Control Policies", CAV 2020): one that
needs a value of a condition is not given where another needs none.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from kumoniwa.kernel.principal import ANONYMOUS, Principal
from kumoniwa.languages import policy_condition as condition
from kumoniwa.languages import policy_public as public
from kumoniwa.languages.policy import Policy, Statement
from kumoniwa.languages.policy_decision import keys_of

TRIALS_MAX = 20_000
STRANGER = "kumoniwa-stranger"
FRESH_ACCOUNTS = ("909090909090", "919191919191", "929292929292")
ADDRESSES = ("203.0.113.77", "198.51.100.77", "8.8.8.8", "100.64.0.77", "2001:db8::77")

OF_CALLER = frozenset((
    "aws:principalaccount", "aws:principalarn", "aws:principaltype", "aws:userid", "aws:username", "aws:principalisawsservice",
    "aws:principalservicename", "aws:principalservicenameslist", "kms:calleraccount", "aws:federatedprovider", "canonicaluser",
))  # fmt: skip
OF_SOURCE = frozenset(("aws:sourceaccount", "aws:sourceowner", "aws:sourcearn"))
OF_ORGANIZATION = frozenset(("aws:principalorgid", "aws:principalorgpaths", "aws:sourceorgid", "aws:sourceorgpaths"))
NEVER = ("s3:dataaccesspoint", "s3:accesspointnetworkorigin", "aws:resourceorg")
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")


class Undecided(Exception):
    """It was not found out whom the policy lets in."""


class Zone(NamedTuple):
    """Whom the owner trusts."""

    account: str
    """Whose the resource is."""
    accounts: frozenset[str]
    organizations: frozenset[str] = frozenset()
    canonical_users: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    """Unique ids of its users and roles."""
    organization: str = ""
    """Where the owner is a member, if anywhere."""
    fellows: frozenset[str] = frozenset()
    """Members of that who are not trusted as such."""


class Thing(NamedTuple):
    """What is reached for, and what can be done to it."""

    arn: str
    actions: tuple[str, ...]
    is_inside: bool = False
    """Whether it stands for what the resource holds (objects of a bucket): ``arn`` is what their ARNs begin with."""


class Reach(NamedTuple):
    principal: tuple[str, str]
    """As ``("AWS", "111122223333")``."""
    condition: tuple[tuple[str, str], ...]
    actions: tuple[str, ...]
    is_public: bool


class Caller(NamedTuple):
    principal: Principal
    keys: dict[str, Any]


class Asked(NamedTuple):
    """What the conditions of a statement and of the denials say of one key."""

    spelled: str
    literals: dict[str, str]
    """A value to try, and the text in the policy that it is an instance of."""
    free: tuple[str | None, ...]


def reaches(policy: Policy, things: tuple[Thing, ...], zone: Zone, ceilings: tuple[Policy, ...] = ()) -> list[Reach]:
    """Everybody outside ``zone`` whom the policy lets do something, and no resource control policy of ``ceilings`` denies it.
    Raises ``Undecided``."""
    denials = [statement for each in (policy, *ceilings) for statement in each.statements if statement.is_deny]
    found: dict[tuple[tuple[str, str], frozenset], set[str]] = {}
    for statement in policy.statements:
        if not statement.is_deny:
            for principal, needed, actions in _admitted(statement, denials, things, zone):
                found.setdefault((principal, needed), set()).update(actions)
    return [_told(principal, needed, actions) for (principal, needed), actions in _most_general(found).items()]


def _narrows(key: str, text: str) -> bool:
    """Whether a value lets in only people who are named: by account, by id or by organization, though not each for himself."""
    if key in ("aws:principalarn", "aws:sourcearn"):
        parts = text.split(":", 5)
        return len(parts) == 6 and (_ACCOUNT.fullmatch(parts[4]) is not None or public.narrows(key, text))
    if key in ("aws:userid", "aws:principalorgpaths", "aws:sourceorgpaths"):
        text = re.split("[:/]", text, maxsplit=1)[0]
    return public.narrows(key, text)


def _told(principal: tuple[str, str], needed: frozenset, actions: set[str]) -> Reach:
    is_public = principal[1] == "*" and not any(_narrows(key.lower(), text) for key, text in needed)
    return Reach(principal, tuple(sorted(needed)), tuple(sorted(actions)), is_public)


def _most_general(found: dict[tuple, set[str]]) -> dict[tuple, set[str]]:
    """Without what another answer says already, for as many actions, with fewer conditions."""
    kept = {}
    for (principal, needed), actions in found.items():
        rest = set(actions)
        for (other, fewer), more in found.items():
            is_wider = other == ("AWS", "*") and principal[0] == "AWS" and principal[1] != "*"
            if (is_wider and fewer <= needed) or (other == principal and fewer < needed):
                rest -= more
        if rest:
            kept[principal, needed] = rest
    return kept


# One statement --------------------------------------------------------------------------------------


def _admitted(
    statement: Statement, denials: list[Statement], things: tuple[Thing, ...], zone: Zone
) -> Iterator[tuple[tuple[str, str], frozenset, set[str]]]:
    conditions = read_conditions(statement)
    if any("${" in text for _, _, _, wanted in conditions for text in wanted):
        raise Undecided
    asked = asked_of(conditions, [each for denial in denials for each in read_conditions(denial)])
    said = str([statement.source, *(denial.source for denial in denials)])
    for kind, value in named_principals(statement):
        for caller in callers(kind, value, asked, said, zone):
            for context, needed in contexts(statement, conditions, asked, caller, zone):
                actions = _let_through(statement, denials, things, caller.principal, context, kind, value)
                if actions:
                    yield (kind, value), needed, actions


def read_conditions(statement: Statement) -> list[tuple[condition.Name, str, str, list[str]]]:
    """The conditions of a statement in the order in which it was compiled: operator, key in lower case, key as spelled, values."""
    read = []
    for text, keys in (statement.source.get("Condition") or {}).items():
        for key, value in keys.items():
            read.append((condition.parse_name(text), key.lower(), key, condition.texts(value) or []))
    return read


def named_principals(statement: Statement) -> Iterator[tuple[str, str]]:
    element = statement.source.get("Principal", "*")
    for kind, values in ({"AWS": "*"} if element == "*" else element).items():
        for value in [values] if isinstance(values, str) else values:
            yield ("AWS" if value == "*" else kind), value


def asked_of(allowed: list, denied: list) -> dict[str, Asked]:
    asked: dict[str, Asked] = {}
    for is_denial, (operator, key, spelled, wanted) in [*((False, each) for each in allowed), *((True, each) for each in denied)]:
        before = asked.get(key) or Asked(spelled, {}, (None, STRANGER, "true", "false"))
        if operator.operator == "null":
            asked[key] = before
            continue
        instances = {instance: text for text in wanted if (instance := _instance(operator.operator, text)) is not None}
        # What a denial lets pass are the values that it excepts; those that an Allow names are what it demands.
        is_literal = condition.OPERATORS[operator.operator].is_negated is is_denial
        near = tuple(value for text in wanted for value in _near(operator.operator, text))
        literals = before.literals | instances if is_literal else before.literals
        asked[key] = Asked(before.spelled, literals, tuple(dict.fromkeys((*before.free, *near))))
    return asked


def _instance(operator: str, text: str) -> str | None:
    """A value that ``text`` stands for."""
    if operator in ("ipaddress", "notipaddress"):
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            return None
        return str(network.network_address)
    if "like" in operator or operator.startswith("arn"):
        return text.replace("*", "x").replace("?", "x")
    return text


def _near(operator: str, text: str) -> tuple[str, ...]:
    """Values that are none of a text's, but might pass beside it."""
    if "ipaddress" in operator:
        return ADDRESSES
    if operator.startswith("numeric") and (number := condition.number(text)) is not None:
        return str(int(number) - 1), str(int(number) + 1)
    if operator.startswith("date") and (at := condition.seconds(text)) is not None:
        return str(int(at) - 1), str(int(at) + 1)
    return ()


# Who asks -------------------------------------------------------------------------------------------


def callers(kind: str, value: str, asked: dict[str, Asked], said: str, zone: Zone) -> Iterator[Caller]:
    """Those outside whom one name in a statement means."""
    if kind == "Federated":
        yield Caller(ANONYMOUS, {"aws:federatedprovider": value})
    elif kind == "CanonicalUser":
        if value not in zone.canonical_users:
            somebody = member(FRESH_ACCOUNTS[0])
            yield Caller(somebody.principal, somebody.keys | {"canonicaluser": value})
    elif kind == "AWS" and value == "*":
        yield Caller(ANONYMOUS, {})
        fresh = next((account for account in FRESH_ACCOUNTS if account not in said and account not in zone.accounts), FRESH_ACCOUNTS[0])
        for account in dict.fromkeys((fresh, *sorted(zone.fellows)[:1], *_ACCOUNT.findall(said))):
            if account not in zone.accounts:
                yield from _members(account, asked, zone)
    elif kind == "AWS" and value.startswith("arn:"):
        account, name = value.split(":", 5)[4:]
        if account in zone.accounts or not account.isdigit():
            return  # An identity of CloudFront is no account, and reads for the distributions of whoever made it.
        if name == "root":
            yield from _members(account, asked, zone)
        else:
            kind_of = "role" if name.startswith(("role/", "assumed-role/")) else "user"
            yield _known(Principal(kind=kind_of, account=account, arn=value, source_arn=value, user_id=STRANGER))
    elif kind == "AWS" and _ACCOUNT.fullmatch(value) and value not in zone.accounts:
        yield from _members(value, asked, zone)


def _members(account: str, asked: dict[str, Asked], zone: Zone) -> Iterator[Caller]:
    """Whoever an account may have, as far as the conditions tell them apart."""
    arns = [f"arn:aws:iam::{account}:user/{STRANGER}"]
    for instance, text in (asked["aws:principalarn"].literals if "aws:principalarn" in asked else {}).items():
        parts = instance.split(":", 5)
        if len(parts) == 6 and text.split(":", 5)[4:5] in ([account], ["*"]):
            arns.append(":".join((*parts[:4], account, parts[5])))
        elif text == "*" or "*" in text.split("/", 1)[0]:
            arns.append(arns[0])
    ids = [STRANGER, *(each for each in (asked["aws:userid"].literals if "aws:userid" in asked else ()) if each.partition(":")[0] not in zone.ids)]
    for arn, user_id in itertools.product(dict.fromkeys(arns), ids):
        if user_id not in zone.accounts:
            kind = "root" if arn.endswith(":root") else "role" if ":role/" in arn else "user"
            yield _known(Principal(kind=kind, account=account, arn=arn, source_arn=arn, user_id=user_id))


def member(account: str) -> Caller:
    """A user of an account, of whom nothing else is known."""
    return _known(Principal(kind="user", account=account, arn=f"arn:aws:iam::{account}:user/{STRANGER}", user_id=STRANGER))


def _known(principal: Principal) -> Caller:
    return Caller(principal, {**keys_of(principal), "kms:calleraccount": principal.account})


# What a request holds -------------------------------------------------------------------------------


def contexts(
    statement: Statement, conditions: list, asked: dict[str, Asked], caller: Caller, zone: Zone
) -> Iterator[tuple[dict[str, Any], frozenset[tuple[str, str]]]]:
    """The requests of one caller that meet the statement's conditions, and which of its values they need for it."""
    fixed = caller.keys | {"aws:resourceaccount": zone.account}
    free = [key for key in asked if key not in OF_CALLER and key not in fixed]
    values = [_possible(statement, conditions, key, asked[key], fixed, zone) for key in free]
    trials = 1
    for each in values:
        trials *= len(each)
    if trials > TRIALS_MAX:
        raise Undecided
    for chosen in itertools.product(*values):
        context = fixed | {key: value for key, value in zip(free, chosen) if value is not None}
        if all(holds(context) for holds in statement.conditions):
            needed = ((asked[key].spelled, text) for key in asked if (text := _literal_of(asked[key], context.get(key))) is not None)
            yield context, frozenset(needed)


def _literal_of(asked: Asked, value: Any) -> str | None:
    return asked.literals.get(value) if isinstance(value, str) else None


def _possible(
    statement: Statement, conditions: list, key: str, asked: Asked, fixed: dict[str, Any], zone: Zone
) -> list[str | None]:
    """The values of one key that meet the conditions on it and that somebody outside can bring."""
    if key.startswith(NEVER):
        candidates: list[str | None] = [None]
    else:
        candidates = list(dict.fromkeys((*asked.free, *asked.literals)))
    mine = [holds for holds, (_, of, _, _) in zip(statement.conditions, conditions) if of == key]
    account = fixed.get("aws:principalaccount", "")
    return [value for value in candidates if _is_outside(key, value, account, zone) and all(holds(fixed | {key: value}) for holds in mine)]


def _is_outside(key: str, value: str | None, account: str, zone: Zone) -> bool:
    if key in ("aws:principalorgid", "aws:principalorgpaths") and zone.organization:
        is_fellow = value is not None and value.partition("/")[0] == zone.organization
        if is_fellow is not (account in zone.fellows):
            return False
    if value is None:
        return True
    if key == "aws:sourcearn":
        parts = value.split(":", 5)
        return len(parts) < 6 or parts[4] not in zone.accounts
    if key in OF_SOURCE:
        return value not in zone.accounts
    return key not in OF_ORGANIZATION or value.partition("/")[0] not in zone.organizations


# What comes of it -----------------------------------------------------------------------------------


def _let_through(
    statement: Statement, denials: list[Statement], things: tuple[Thing, ...], principal: Principal, context: dict[str, Any], kind: str, value: str
) -> set[str]:
    if statement.names is None or not statement.names(principal, context):
        return set()
    allowed = set()
    for thing in things:
        for arn in _arns(statement, thing):
            if not statement.covers(arn, context):
                continue
            for action in thing.actions:
                folded = action.lower()
                if folded in allowed or not statement.fits(folded) or not _can(action, kind, value):
                    continue
                if not any(
                    one.fits(folded) and one.names is not None and one.names(principal, context) and one.applies(arn, context)
                    for one in denials
                ):
                    allowed.add(action)
    return allowed


def _arns(statement: Statement, thing: Thing) -> list[str]:
    if not thing.is_inside:
        return [thing.arn]
    named = statement.source.get("Resource", ())
    texts = [named] if isinstance(named, str) else named
    instances = (text.replace("*", STRANGER).replace("?", "x") for text in texts)
    return [f"{thing.arn}{STRANGER}", *(each for each in instances if each.startswith(thing.arn))]


def _can(action: str, kind: str, value: str) -> bool:
    """Roles are assumed one way by those whom AWS knows, and others by those whom somebody else vouches for."""
    if not action.startswith("sts:AssumeRole"):
        return True
    if kind != "Federated":
        return action == "sts:AssumeRole"
    return action == ("sts:AssumeRoleWithSAML" if ":saml-provider/" in value else "sts:AssumeRoleWithWebIdentity")
