"""Who else may use a layer version: its resource policy, a statement at a time."""

from __future__ import annotations

import json

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_.errors import (
    InvalidParameterValueException,
    PreconditionFailedException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from kumoniwa.services.lambda_.layer import LayerVersion, arn, named
from kumoniwa.services.lambda_.permission import document, principal_of

_STALE = (
    "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the latest Revision Id"
)


def _existing(call: Call, name: str, number: int) -> LayerVersion:
    layer = named(call, name, number)
    if layer is None:
        text = name if name.startswith("arn:") else call.arn(f"layer:{name}")
        raise ResourceNotFoundException(f"Layer version {text}:{number} does not exist.")
    return layer


def AddLayerVersionPermission(
    call: Call,
    *,
    LayerName: str,
    VersionNumber: int,
    StatementId: str,
    Action: str,
    Principal: str,
    OrganizationId: str | None = None,
    RevisionId: str | None = None,
) -> dict:
    layer = _existing(call, LayerName, VersionNumber)
    if OrganizationId is not None and Principal != "*":
        # As cdk-preflight saw it of AWS (pf-lambda-layerperm-organization-id-needs-wildcard-principal); the code was not told.
        raise InvalidParameterValueException("If organization id is specified then principal should be *")
    if any(json.loads(each)["Sid"] == StatementId for each in layer.statements):
        raise ResourceConflictException(
            f"The statement id ({StatementId}) provided already exists. Please provide a new statement id, or remove the existing statement."
        )
    _check_revision(layer, RevisionId)
    statement = {
        "Sid": StatementId,
        "Effect": "Allow",
        "Principal": principal_of(call, Principal),
        "Action": Action,
        "Resource": arn(call, layer),
    }
    if OrganizationId is not None:
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": OrganizationId}}
    text = json.dumps(statement, separators=(",", ":"))
    layer = _kept(call, layer, (*layer.statements, text))
    return {"Statement": text, "RevisionId": layer.policy_revision}


def _check_revision(layer: LayerVersion, said: str | None) -> None:
    if said is not None and said != layer.policy_revision:
        raise PreconditionFailedException(_STALE)


def _kept(call: Call, layer: LayerVersion, statements: tuple[str, ...]) -> LayerVersion:
    layer = changed(layer, statements=statements, policy_revision=call.new_id())
    call.shelf(LayerVersion)[f"{layer.name}:{layer.version}"] = layer
    return layer


def RemoveLayerVersionPermission(
    call: Call, *, LayerName: str, VersionNumber: int, StatementId: str, RevisionId: str | None = None
) -> None:
    layer = _existing(call, LayerName, VersionNumber)
    kept = tuple(each for each in layer.statements if json.loads(each)["Sid"] != StatementId)
    if len(kept) == len(layer.statements):
        raise ResourceNotFoundException(f"Statement {StatementId} is not found in resource policy.")
    _check_revision(layer, RevisionId)
    _kept(call, layer, kept)


def GetLayerVersionPolicy(call: Call, *, LayerName: str, VersionNumber: int) -> dict:
    layer = _existing(call, LayerName, VersionNumber)
    if not layer.statements:
        raise ResourceNotFoundException("No policy is associated with the given resource.")
    return {"Policy": document(layer.statements), "RevisionId": layer.policy_revision}
