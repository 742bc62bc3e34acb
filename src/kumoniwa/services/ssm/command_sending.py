"""How commands are sent, and cancelled.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html
"""

from __future__ import annotations

import hashlib
from typing import Any

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import BucketName
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.languages import command_document
from kumoniwa.services.ssm import command_progress as progress
from kumoniwa.services.ssm import document as documents
from kumoniwa.services.ssm import node as nodes
from kumoniwa.services.ssm.command import Command, Invocation, Plugin, existing, invocations_of, shown
from kumoniwa.services.ssm.errors import SERVICE, ValidationException
from kumoniwa.services.ssm.node import InvalidInstanceId, Node

TIMEOUT_S = 3_600
NODES_MAX = 50
_EVENTS = ("All", "InProgress", "Success", "TimedOut", "Cancelled", "Failed")


class InvalidParameters(AwsError): ...


class DuplicateInstanceId(AwsError):
    message = "You can't specify a managed node ID in more than one association."


class InvalidOutputFolder(AwsError):
    message = "The S3 bucket doesn't exist."


class InvalidRole(AwsError): ...


class InvalidNotificationConfig(AwsError): ...


def targeted(call: Call, ids: list[str] | None, targets: list[dict[str, Any]] | None) -> list[Node]:
    """The nodes that a request means, in the order in which they registered, or were named."""
    if bool(ids) == bool(targets):
        raise ValidationException("Specify the managed nodes by InstanceIds, or by Targets.")
    if ids:
        if len(set(ids)) != len(ids):
            raise DuplicateInstanceId
        shelf = call.shelf(Node)
        if unknown := [each for each in ids if each not in shelf]:
            # As https://github.com/aws-samples/eks-security-compromised-cluster-remediation/issues/12 was told.
            raise InvalidInstanceId(f"Instances [[{', '.join(unknown)}]] not in a valid state for account {call.account}")
        return [shelf[each] for each in ids]
    return sorted(nodes.meant(call, targets or ()), key=lambda node: (node.registered, node.id))


def _check_document(call: Call, name: str, version: str | None, sum_: str | None, kind: str | None) -> tuple[documents.Document, documents.Edition]:
    document = documents.existing(call, name)
    if document.kind != documents.COMMAND:
        raise documents.InvalidDocument(f"Document {document.name} is of the type {document.kind}, and no Command document.")
    edition = documents.version_of(call, document, version)
    if sum_ is not None:
        made = {"Sha256": hashlib.sha256, "Sha1": hashlib.sha1, None: hashlib.sha256}[kind]
        if made(edition.content.encode()).hexdigest() != sum_:
            raise documents.InvalidDocument("The document's hash is another one.")
    return document, edition


def _check_output(call: Call, bucket: str | None) -> None:
    if bucket is not None and bucket not in call.home.store.shelf(SHARED, BucketName):
        raise InvalidOutputFolder


def _check_notice(call: Call, role: str | None, notice: dict[str, Any]) -> None:
    if not notice.get("NotificationArn"):
        return
    topic = arns.parse(notice["NotificationArn"])
    if topic is None or topic.service != "sns" or topic.resource.endswith(".fifo"):
        raise InvalidNotificationConfig(f"{notice['NotificationArn']} is no ARN of a topic that can be notified.")
    if any(each not in _EVENTS for each in notice.get("NotificationEvents") or ()):
        raise InvalidNotificationConfig(f"The notification events are {', '.join(_EVENTS)}.")
    if not role:
        raise InvalidRole("To send notifications, a command needs ServiceRoleArn.")
    call.require("iam:PassRole", role, **{"iam:PassedToService": SERVICE})
    try:
        call.assuming(role, SERVICE, "notification")
    except AwsError as error:
        raise InvalidRole(f"The role cannot be assumed by {SERVICE}: {role}", hint=error.hint) from None


def SendCommand(
    call: Call, *, DocumentName: str, InstanceIds: list[str] | None = None, Targets: list[dict[str, Any]] | None = None,
    DocumentVersion: str | None = None, DocumentHash: str | None = None, DocumentHashType: str | None = None, TimeoutSeconds: int | None = None,
    Comment: str | None = None, Parameters: dict[str, list[str]] | None = None, OutputS3Region: str | None = None,
    OutputS3BucketName: str | None = None, OutputS3KeyPrefix: str | None = None, MaxConcurrency: str | None = None, MaxErrors: str | None = None,
    ServiceRoleArn: str | None = None, NotificationConfig: dict[str, Any] | None = None, CloudWatchOutputConfig: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    """A node that is not heard may come back: until the timeout its command waits for it."""
    document, edition = _check_document(call, DocumentName, DocumentVersion, DocumentHash, DocumentHashType)
    definition = definition_of(edition)
    try:
        said = command_document.given(definition, Parameters or {})
    except command_document.InvalidValue as wrong:
        raise InvalidParameters(str(wrong)) from None
    chosen = targeted(call, InstanceIds, Targets)
    log, notice = CloudWatchOutputConfig or {}, NotificationConfig or {}
    _check_output(call, OutputS3BucketName)
    _check_notice(call, ServiceRoleArn, notice)
    key = f"{document.id}:{edition.number}"
    call.shelf(documents.Edition).setdefault(key, edition)
    made = Command(
        id=call.new_id(), document=document.name, version=DocumentVersion or documents.DEFAULT, edition=key, requested=call.now(),
        timeout_s=TimeoutSeconds or TIMEOUT_S, running_s=command_document.total_s(definition, said), nodes=tuple(each.id for each in chosen),
        parameters=said, said=Parameters or {}, targets=tuple(Targets or ()), comment=Comment or "", concurrency=MaxConcurrency or str(NODES_MAX),
        errors=MaxErrors or "0", bucket=OutputS3BucketName or "", prefix=OutputS3KeyPrefix or "", log=log, role=ServiceRoleArn or "", notice=notice,
    )  # fmt: skip
    call.shelf(Command)[made.id] = made
    plugins = tuple(Plugin(name=step.name, plugin=step.plugin) for step in definition.steps)
    for each in chosen:
        invocation = Invocation(command=made.id, node=each.id, requested=made.requested, name=each.name, plugins=plugins)
        call.shelf(Invocation)[invocation.key] = invocation
    told = shown(call, made)
    progress.advance(call, made.id)
    return {"Command": told}


def definition_of(edition: documents.Edition) -> command_document.Document:
    try:
        return command_document.read(documents.body_of(edition))
    except command_document.Unsupported as missing:
        raise NotImplementedHere(str(missing)) from None
    except command_document.InvalidContent as wrong:
        raise documents.InvalidDocument(str(wrong)) from None


def CancelCommand(call: Call, *, CommandId: str, InstanceIds: list[str] | None = None) -> dict:
    """ "There is no guarantee that the command will be terminated": what has ended stays as it is."""
    command = existing(call, CommandId)
    held = [each.node for each in invocations_of(call, command)]
    if unknown := [each for each in InstanceIds or () if each not in held]:
        raise InvalidInstanceId(f"Instances [[{', '.join(unknown)}]] not in a valid state for account {call.account}")
    if command.ended is None:
        progress.cancel(call, command, InstanceIds or held)
    return {}


def DeregisterManagedInstance(call: Call, *, InstanceId: str) -> dict:
    """Its keys are good until they expire, and get it nothing: a node that is not known has no messages."""
    node = nodes.existing(call, InstanceId)
    progress.node_left(call, node.id)
    del call.shelf(Node)[node.id]
    return {}
