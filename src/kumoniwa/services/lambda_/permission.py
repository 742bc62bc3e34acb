"""Who else may use a function: the resource policies of functions, versions and aliases, a statement at a time."""

from __future__ import annotations

import json
import re

from kumoniwa.gate.identity import SHARED, Identity
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.policy import MalformedPolicyDocument, parse, statements_in
from kumoniwa.services.lambda_.errors import (
    InvalidParameterValueException,
    PolicyLengthExceededException,
    PreconditionFailedException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from kumoniwa.services.lambda_.function import Alias, Version, existing, not_found
from kumoniwa.services.lambda_.name import LATEST, arn, function_named

POLICY_BYTES_MAX = 20_480
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html

_STALE = (
    "The Revision Id provided does not match the latest Revision Id. Call the {} API to retrieve the latest Revision Id"
)


HEAD = (("Version", "2012-10-17"), ("Id", "default"))


class Policy(Record):
    """Shelved by ``function`` or ``function:qualifier``."""

    function: str
    statements: tuple[str, ...]
    """Each one as JSON."""
    revision: str
    head: tuple[tuple[str, str], ...] = HEAD
    """What its document says beside its statements."""


_Policy = Policy
"""Where an operation's parameter has its name."""


def key_of(name: str, qualifier: str | None) -> str:
    return f"{name}:{qualifier}" if qualifier else name


def document(statements: tuple[str, ...], head: tuple[tuple[str, str], ...] = HEAD) -> str:
    members = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in head] + [f'"Statement":[{",".join(statements)}]']
    return "{" + ",".join(members) + "}"


def text_of(policy: Policy) -> str:
    return document(policy.statements, policy.head)


def AddPermission(
    call: Call,
    *,
    FunctionName: str,
    StatementId: str,
    Action: str,
    Principal: str,
    SourceArn: str | None = None,
    SourceAccount: str | None = None,
    EventSourceToken: str | None = None,
    Qualifier: str | None = None,
    RevisionId: str | None = None,
    PrincipalOrgID: str | None = None,
    FunctionUrlAuthType: str | None = None,
    InvokedViaFunctionUrl: bool | None = None,
) -> dict:
    name, qualifier = _qualified(call, FunctionName, Qualifier)
    existing(call, name)
    equals: dict[str, str] = {}
    if SourceAccount is not None:
        equals["AWS:SourceAccount"] = SourceAccount
    if EventSourceToken is not None:
        equals["lambda:EventSourceToken"] = EventSourceToken
    if FunctionUrlAuthType is not None:
        if Action not in ("lambda:InvokeFunctionUrl", "lambda:*", "*"):
            raise InvalidParameterValueException("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")
        equals["lambda:FunctionUrlAuthType"] = FunctionUrlAuthType
    if PrincipalOrgID is not None:
        equals["aws:PrincipalOrgID"] = PrincipalOrgID
    statement: dict = {
        "Sid": StatementId,
        "Effect": "Allow",
        "Principal": principal_of(call, Principal),
        "Action": Action,
        "Resource": arn(call, name, qualifier),
    }
    condition: dict[str, dict[str, str]] = {"StringEquals": equals} if equals else {}
    if SourceArn is not None:
        condition["ArnLike"] = {"AWS:SourceArn": SourceArn}
    if InvokedViaFunctionUrl is not None:
        condition["Bool"] = {"lambda:InvokedViaFunctionUrl": str(InvokedViaFunctionUrl).lower()}
    if condition:
        statement["Condition"] = condition
    return {"Statement": _added(call, name, qualifier, StatementId, statement, RevisionId)}


def _added(call: Call, name: str, qualifier: str | None, sid: str, statement: dict, revision: str | None) -> str:
    policies, key = call.shelf(Policy), key_of(name, qualifier)
    held = policies.get(key)
    _expect(call, name, qualifier, held, revision, "GetPolicy")
    statements = held.statements if held is not None else ()
    if any(json.loads(each).get("Sid") == sid for each in statements):
        raise ResourceConflictException(
            f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the existing statement."
        )
    text = json.dumps(statement, separators=(",", ":"))
    more = {"head": held.head} if held is not None else {}
    _put(call, key, Policy(function=name, statements=(*statements, text), revision=call.new_id(), **more))
    return text


def _put(call: Call, key: str, policy: Policy) -> Policy:
    size = len(text_of(policy).encode())
    if size > POLICY_BYTES_MAX:
        raise PolicyLengthExceededException(f"The final policy size ({size}) is bigger than the limit ({POLICY_BYTES_MAX}).")
    call.shelf(Policy)[key] = policy
    return policy


def _revision(call: Call, name: str, qualifier: str | None) -> str:
    alias = call.shelf(Alias).get(f"{name}:{qualifier}") if qualifier else None
    return alias.revision if alias else call.shelf(Version)[f"{name}:{qualifier or LATEST}"].revision


_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::(\d{12}):\S+")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazon(aws)?\.com(\.cn)?")
"""Alexa's is one of amazon.com: https://docs.aws.amazon.com/lambda/latest/dg/services-alexa.html"""


def _is_there(call: Call, name: str) -> bool:
    """As cdk-preflight saw it of AWS: pf-lambda-perm-source-arn-with-account-principal, whose role does not exist."""
    is_account = name.endswith(":root")
    return is_account or call.home.settings.iam != "enforce" or name in call.home.store.shelf(SHARED, Identity)


def principal_of(call: Call, text: str) -> str | dict[str, str]:
    if text == "*":
        return "*"
    if re.fullmatch(r"\d{12}", text):
        return {"AWS": f"arn:{call.home.partition}:iam::{text}:root"}
    if (named := _ARN.fullmatch(text)) is not None and (named[1] == "sts" or _is_there(call, text)):
        return {"AWS": text}
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    raise InvalidParameterValueException("The provided principal was invalid. Please check the principal and try again.")


def _qualified(call: Call, text: str, qualifier: str | None) -> tuple[str, str | None]:
    """The version or alias a policy is for, which must exist if it is named."""
    name, qualifier = function_named(call, text, qualifier)
    if qualifier is None:
        return name, None
    if qualifier == LATEST:
        raise InvalidParameterValueException("We currently do not support adding policies for $LATEST.")
    if f"{name}:{qualifier}" not in call.shelf(Version) and f"{name}:{qualifier}" not in call.shelf(Alias):
        if re.fullmatch(r"(?!\d+$)[a-zA-Z0-9_-]+", qualifier):
            raise ResourceNotFoundException(f"Cannot find alias arn: {arn(call, name, qualifier)}")
        raise not_found(call, name, qualifier)
    return name, qualifier


def RemovePermission(
    call: Call, *, FunctionName: str, StatementId: str, Qualifier: str | None = None, RevisionId: str | None = None
) -> None:
    name, qualifier = function_named(call, FunctionName, Qualifier)
    if f"{name}:{LATEST}" not in call.shelf(Version):
        raise ResourceNotFoundException(f"No policy found for: {arn(call, name, qualifier)}")
    name, qualifier = _qualified(call, FunctionName, Qualifier)
    policies, key = call.shelf(Policy), key_of(name, qualifier)
    held = policies.get(key)
    if held is None:
        raise ResourceNotFoundException("No policy is associated with the given resource.")
    kept = tuple(each for each in held.statements if json.loads(each).get("Sid") != StatementId)
    if len(kept) == len(held.statements):
        raise ResourceNotFoundException(f"Statement {StatementId} is not found in resource policy.")
    _expect(call, name, qualifier, held, RevisionId, "GetPolicy")
    if kept:
        policies[key] = changed(held, statements=kept, revision=call.new_id())
    else:
        del policies[key]


def GetPolicy(call: Call, *, FunctionName: str, Qualifier: str | None = None) -> dict:
    name, qualifier = function_named(call, FunctionName, Qualifier)
    return _shown(_held(call, name, None if qualifier == LATEST else qualifier))


def _held(call: Call, name: str, qualifier: str | None) -> Policy:
    policy = call.shelf(Policy).get(key_of(name, qualifier))
    if policy is None:
        raise ResourceNotFoundException("The resource you requested does not exist.")
    return policy


def _expect(call: Call, name: str, qualifier: str | None, held: Policy | None, revision: str | None, told_by: str) -> None:
    """Before there is a policy, the revision is that of what the policy is for."""
    current = held.revision if held is not None else _revision(call, name, qualifier)
    if revision is not None and revision != current:
        raise PreconditionFailedException(_STALE.format(told_by))


def _shown(policy: Policy) -> dict[str, str]:
    return {"Policy": text_of(policy), "RevisionId": policy.revision}


# Whole policies ------------------------------------------------------------------------------------


def _of(call: Call, resource: str) -> tuple[str, str | None]:
    """What a policy is for, by its ARN. That of a version of a runtime has none here: there are no runtimes of customers."""
    if ":runtime/" in resource:
        raise NotImplementedHere("resource policies of Lambda runtimes")
    name, qualifier = _qualified(call, resource, None)
    existing(call, name)
    return name, qualifier


def PutResourcePolicy(call: Call, *, ResourceArn: str, Policy: str, RevisionId: str | None = None) -> dict:
    """The policy takes the place of whatever statements AddPermission has made, which may add to it later.
    https://docs.aws.amazon.com/lambda/latest/api/API_PutResourcePolicy.html. What is said of a document that is no policy is what IAM says."""
    name, qualifier = _of(call, ResourceArn)
    key = key_of(name, qualifier)
    _expect(call, name, qualifier, call.shelf(_Policy).get(key), RevisionId, "GetResourcePolicy")
    try:
        parse(Policy, "resource")
    except MalformedPolicyDocument as error:
        raise InvalidParameterValueException(error.text)
    said = json.loads(Policy)
    texts = tuple(json.dumps(each, separators=(",", ":")) for each in statements_in(said))
    head = tuple((member, value) for member, value in said.items() if member != "Statement")
    return _shown(_put(call, key, _Policy(function=name, statements=texts, revision=call.new_id(), head=head)))


def GetResourcePolicy(call: Call, *, ResourceArn: str) -> dict:
    return _shown(_held(call, *_of(call, ResourceArn)))


def DeleteResourcePolicy(call: Call, *, ResourceArn: str, RevisionId: str | None = None) -> None:
    name, qualifier = _of(call, ResourceArn)
    _expect(call, name, qualifier, _held(call, name, qualifier), RevisionId, "GetResourcePolicy")
    del call.shelf(Policy)[key_of(name, qualifier)]
