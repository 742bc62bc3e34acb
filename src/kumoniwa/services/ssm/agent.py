"""What AWS's agent on a managed node asks: to be registered, for keys of its role, for its messages, and to be heard.

No model has these operations; their members are as the agent's own SDK has them (aws/amazon-ssm-agent, extra/aws-sdk-go/service/ssm and
service/ssmmds), and so are the codes of errors. Texts of errors are ours where the model has none.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from kumoniwa.engines import node_key
from kumoniwa.gate import identity
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.ssm import activation as activations
from kumoniwa.services.ssm import command_progress as progress
from kumoniwa.services.ssm import document as documents
from kumoniwa.services.ssm import node as nodes
from kumoniwa.services.ssm.activation import Activation
from kumoniwa.services.ssm.command import Command, Invocation
from kumoniwa.services.ssm.command_progress import CANCEL, MESSAGES
from kumoniwa.services.ssm.errors import SERVICE, ValidationException
from kumoniwa.services.ssm.node import Node
from kumoniwa.wire import timestamps

KEYS_LIVE_S = 3_600.0
WAIT_S = 20.0
"""How long a poll for messages waits for one. The agent takes ten seconds without an answer for a sign of health."""
HIDDEN_S = 10.0
"""How long a message that a node was given is not given to it again, unless the request says."""
HIDDEN_S_MAX = 3_600.0
MESSAGES_MAX = 10


class InvalidActivation(AwsError):
    """The text is the model's."""

    message = "The activation isn't valid. The activation might have been deleted, or the ActivationId and the ActivationCode don't match."


class ActivationExpired(AwsError):
    status = 400
    message = "The activation has expired."


class RegistrationLimitExceeded(AwsError):
    status = 400
    message = "The activation has registered as many managed nodes as it may."


class InvalidPublicKey(AwsError):
    status = 400
    message = "The public key isn't valid."


class InstanceAlreadyRegistered(AwsError):
    status = 400
    message = "A managed node with this public key is registered."


class MachineFingerprintDoesNotMatch(AwsError):
    status = 400
    message = "The fingerprint is not the one that the machine was registered with."


class InvalidMessageIdException(AwsError):
    status = 400
    message = "The message ID isn't valid."


class InvalidDestinationException(AwsError):
    status = 400
    message = "The destination isn't valid."


def text(said: dict[str, Any], name: str, *, is_required: bool = True) -> str:
    value = said.get(name)
    if (not isinstance(value, str) and value is not None) or (is_required and not value):
        raise ValidationException(f"{name} must be a text.")
    return value or ""


# Who it is -----------------------------------------------------------------------------------------


def register(call: Call, activation: Activation | None, said: dict[str, Any]) -> dict[str, Any]:
    if activation is None or activation.code != text(said, "ActivationCode"):
        raise InvalidActivation
    key, fingerprint = text(said, "PublicKey"), text(said, "Fingerprint")
    if activation.expires <= call.now():
        raise ActivationExpired
    if activation.count >= activation.limit:
        raise RegistrationLimitExceeded
    _check_key(key, text(said, "PublicKeyType"))
    if any(each.public_key == key for each in call.shelf(Node).values()):
        raise InstanceAlreadyRegistered
    made = Node(
        id=f"mi-{call.ids.hex(17)}", activation=activation.id, role=activation.role, registered=call.now(), public_key=key, fingerprint=fingerprint,
        name=activation.name, tags=activation.tags,
    )  # fmt: skip
    call.shelf(Node)[made.id] = made
    activations.counted(call, activation)
    return {"InstanceId": made.id}


def _check_key(key: str, kind: str) -> None:
    try:
        node_key.check(key)
    except node_key.Unfit:
        raise InvalidPublicKey from None
    if kind != node_key.KIND:
        raise InvalidPublicKey(f"Keys of the type {kind} are not supported.")


def give_keys(call: Call, node: Node, said: dict[str, Any]) -> dict[str, Any]:
    """Temporary keys of its role, whose session is called as the node, and says from which machine it asks:
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html#awssystemsmanager-policy-keys"""
    if text(said, "Fingerprint") != node.fingerprint:
        raise MachineFingerprintDoesNotMatch
    arn = nodes.arn_of(call, node.id)
    speaker = call.assuming(activations.role_arn(call, node.role), SERVICE, node.id, **{"aws:SourceArn": arn}).principal
    session, token = identity.issue(call.home, changed(speaker, context={**speaker.context, "ssm:SourceInstanceARN": arn}), KEYS_LIVE_S)
    return {
        "AccessKeyId": session.key_id, "SecretAccessKey": session.secret, "SessionToken": token, "TokenExpirationDate": session.expires,
        "UpdateKeyPair": False,
    }  # fmt: skip


def change_key(call: Call, node: Node, said: dict[str, Any]) -> dict[str, Any]:
    key = text(said, "NewPublicKey")
    _check_key(key, text(said, "NewPublicKeyType"))
    call.shelf(Node)[node.id] = changed(node, public_key=key)
    return {}


_TOLD = ("AgentName", "AgentStatus", "AgentVersion", "ComputerName", "IPAddress", "PlatformName", "PlatformType", "PlatformVersion")


def ping(call: Call, node: Node, said: dict[str, Any]) -> dict[str, Any]:
    """A ping that tells nothing of the machine leaves what is known of it."""
    told = {name: value for name in _TOLD if (value := text(said, name, is_required=False))}
    nodes.heard(call, node.id)
    call.shelf(Node)[node.id] = changed(node, pinged=call.now(), said=node.said | told)
    return {}


# Messages ------------------------------------------------------------------------------------------


async def messages(call: Call, node: Node, said: dict[str, Any]) -> dict[str, Any]:
    """Those that wait for the node, at once or as soon as there is one; none after a while."""
    until = call.now() + WAIT_S
    while node.id in call.shelf(Node):
        nodes.heard(call, node.id)
        found = call.atomically(lambda: _given(call, node, said))
        if found or call.now() >= until:
            return {"Destination": node.id, "Messages": found, "MessagesRequestId": text(said, "MessagesRequestId")}
        hidden = call.rows(MESSAGES).one("select min(visible) from ssm_message where node = ? and taken = 0", node.id)[0]
        await call.wait(*progress.inbox_key(node.id), until=min(until, hidden if hidden is not None else until))
    raise nodes.InvalidInstanceId(f"Instance {node.id} is not registered.")


def _given(call: Call, node: Node, said: dict[str, Any]) -> list[dict[str, Any]]:
    asked = said.get("VisibilityTimeoutInSeconds")
    hidden_s = min(float(asked), HIDDEN_S_MAX) if isinstance(asked, int) and asked > 0 else HIDDEN_S
    rows = call.rows(MESSAGES)
    found = rows.all(
        "select id, command, topic, created from ssm_message where node = ? and taken = 0 and visible <= ? order by created limit ?",
        node.id, call.now(), MESSAGES_MAX,
    )  # fmt: skip
    for id_, *_ in found:
        rows.run("update ssm_message set visible = ? where id = ?", call.now() + hidden_s, id_)
    return [
        {
            "CreatedDate": timestamps.to_millisecond(created), "Destination": node.id, "MessageId": id_,
            "Topic": f"{topic}.{call.region.replace('-', '.')}", "Payload": json.dumps(_payload(call, node, command, topic)),
        }
        for id_, command, topic, created in found
    ]  # fmt: skip


def _payload(call: Call, node: Node, command_id: str, topic: str) -> dict[str, Any]:
    """As agent/runcommand/contracts/model.go reads them. A document of another schema than 1.2 may hold more than the agent looks at."""
    if topic == CANCEL:
        return {"CancelMessageId": progress.message_id(command_id, node.id)}
    command = call.shelf(Command)[command_id]
    body = documents.body_of(call.shelf(documents.Edition)[command.edition])
    return {
        "Parameters": command.parameters, "DocumentContent": body, "CommandId": command.id, "DocumentName": command.document,
        "OutputS3KeyPrefix": command.prefix, "OutputS3BucketName": command.bucket,
        "CloudWatchLogGroupName": command.log.get("CloudWatchLogGroupName", ""),
        "CloudWatchOutputEnabled": str(bool(command.log.get("CloudWatchOutputEnabled"))).lower(),
    }  # fmt: skip


def _meant(call: Call, node: Node, said: dict[str, Any]) -> tuple[str, Invocation | None]:
    """The message that a request names, and the command's invocation on this node, if it is about one."""
    id_ = text(said, "MessageId")
    row = call.rows(MESSAGES).one("select command, topic from ssm_message where id = ? and node = ?", id_, node.id)
    if row is not None:
        command, topic = row
        return id_, call.shelf(Invocation).get(f"{command}/{node.id}") if topic != CANCEL else None
    # What has ended has no message any more, and its node may still speak of it.
    invocation = call.shelf(Invocation).get(f"{id_.removeprefix('aws.ssm.').partition('.')[0]}/{node.id}")
    if invocation is None:
        raise InvalidMessageIdException
    return id_, invocation


def acknowledge(call: Call, node: Node, said: dict[str, Any]) -> dict[str, Any]:
    id_, invocation = _meant(call, node, said)
    call.rows(MESSAGES).run("update ssm_message set taken = 1 where id = ?", id_)
    if invocation is not None and invocation.ended is not None and not invocation.is_delivered:
        progress.recall(call, invocation)
    elif invocation is not None:
        progress.delivered(call, invocation)
        progress.advance(call, invocation.command)
    return {}


def reply(call: Call, node: Node, said: dict[str, Any]) -> dict[str, Any]:
    id_, invocation = _meant(call, node, said)
    try:
        payload = json.loads(text(said, "Payload"))
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise ValidationException("Payload must be an object.")
    if invocation is not None:
        progress.replied(call, invocation, payload)
    return {"MessageId": id_, "ReplyId": text(said, "ReplyId"), "ReplyStatus": "SUCCESS"}


def fail(call: Call, node: Node, said: dict[str, Any]) -> dict[str, Any]:
    id_, invocation = _meant(call, node, said)
    call.rows(MESSAGES).run("update ssm_message set taken = 1 where id = ?", id_)
    if invocation is not None:
        progress.failed(call, invocation, text(said, "FailureType"))
    return {}


def delete(call: Call, node: Node, said: dict[str, Any]) -> dict[str, Any]:
    id_, _ = _meant(call, node, said)
    call.rows(MESSAGES).run("update ssm_message set taken = 1 where id = ?", id_)
    return {}


def find(region: Any, kind: type, id_: str) -> tuple[Call, Any] | None:
    """An activation or a node, which its id alone must name: whoever has it has no key of an account yet."""
    for call in region.calls("ssm", SERVICE):
        if id_ in call.shelf(kind):
            return call, call.shelf(kind)[id_]
    return None


BY_KEY: dict[str, Callable[[Call, Node, dict[str, Any]], dict[str, Any]]] = {
    "RequestManagedInstanceRoleToken": give_keys, "UpdateManagedInstancePublicKey": change_key,
}  # fmt: skip
"""What a node signs with its own key."""
BY_ROLE: dict[str, tuple[str, str, Callable[[Call, Node, dict[str, Any]], Any]]] = {
    "UpdateInstanceInformation": ("ssm", "InstanceId", ping), "GetMessages": ("ec2messages", "Destination", messages),
    "AcknowledgeMessage": ("ec2messages", "", acknowledge), "SendReply": ("ec2messages", "", reply),
    "FailMessage": ("ec2messages", "", fail), "DeleteMessage": ("ec2messages", "", delete),
}  # fmt: skip
"""What it signs as the session of its role: of which service, which member names the node, and who answers."""

