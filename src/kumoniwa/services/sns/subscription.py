"""Subscriptions: who hears what of a topic, under which conditions, and whether they agreed.

They lie with the topic, whoever owns them.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Any, NamedTuple

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.languages import event_pattern, filter_policy
from kumoniwa.services.sns import delivery_policy, device
from kumoniwa.services.sns import topic as topics
from kumoniwa.services.sns.errors import (
    AuthorizationErrorException,
    FilterPolicyLimitExceededException,
    InvalidParameterException,
    NotFoundException,
    Refused,
    SubscriptionLimitExceededException,
    checked_arn,
)
from kumoniwa.services.sns.topic import Topic

PROTOCOLS = ("http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose")
RAW_PROTOCOLS = ("sqs", "http", "https", "firehose")
CONFIRMED_WITHIN_S = 172_800.0
"""After two days a subscription that nobody confirmed is gone."""
FILTERS_PER_TOPIC_MAX = 200
TOKEN_DIGITS = 288
UNKNOWN_MAY_END = ("http", "https", "email", "email-json")
"""The protocols whose messages have a link by which whoever holds them ends the subscription."""
_MAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_PHONE = re.compile(r"\+?[0-9]+(-?[0-9]+)*")
_HTTP = re.compile(r"https?://[^/\s]+(/\S*)?")


class Replay(Record):
    """What of the topic's archive is told again, and how far that has come."""

    id: str
    start: float
    end: float | None
    seq: int = 0
    """The last of the archive's rows that was told."""
    status: str = "Pending"


class Subscription(Record, dict=True):
    """Shelved by its ARN."""

    arn: str
    topic: str
    """Its name."""
    owner: str
    principal: str
    protocol: str
    endpoint: str
    created: float
    attributes: dict[str, str] = {}
    """As they are shown; only those that were set."""
    token: str = ""
    """What confirms it; empty for those that need none."""
    is_confirmed: bool = True
    was_authenticated: bool = True
    needs_authentication: bool = False
    """Whether only those who are known may end it."""
    replay: Replay | None = None

    @cached_property
    def is_raw(self) -> bool:
        return self.attributes.get("RawMessageDelivery") == "true"

    @property
    def is_replaying(self) -> bool:
        return self.replay is not None and self.replay.status in ("Pending", "In progress")

    @property
    def hears_by_replay(self) -> bool:
        """Whether a replay will come to what is published now."""
        return self.is_replaying and self.replay.end is None

    @property
    def scope(self) -> str:
        return self.attributes.get("FilterPolicyScope", filter_policy.ATTRIBUTES)

    @property
    def dead_letter(self) -> str | None:
        text = self.attributes.get("RedrivePolicy")
        return json.loads(text)["deadLetterTargetArn"] if text else None

    @property
    def delivery_policy(self) -> dict[str, Any] | None:
        text = self.attributes.get("DeliveryPolicy")
        return json.loads(text) if text else None


class Deactivated(Record):
    """A subscription that somebody unknown has ended; its endpoint may restore it by a token, under which this is shelved."""

    subscription: Subscription
    at: float


class Listener(NamedTuple):
    """A confirmed subscription, made ready for many messages."""

    subscription: Subscription
    wants: event_pattern.Pattern | None
    is_of_body: bool
    queue: arns.Arn | None
    """Where it is a queue that hears."""


def listeners(call: Call, topic: str) -> tuple[Listener, ...]:
    return call.shelf(Subscription).derived(_listeners, call, topic)


def _listeners(call: Call, topic: str) -> tuple[Listener, ...]:
    return tuple(listener(each) for each in call.shelf(Subscription).values() if each.topic == topic and each.is_confirmed)


def is_wanted(listener: Listener, attributes: dict[str, dict[str, Any]], body: str) -> bool:
    if listener.wants is None:
        return True
    laid = filter_policy.body_laid_flat(body) if listener.is_of_body else filter_policy.attributes_laid_flat(attributes)
    return laid is not None and listener.wants.matches_flat(laid)


def listener(subscription: Subscription) -> Listener:
    text = subscription.attributes.get("FilterPolicy")
    wants = filter_policy.compile(text, subscription.scope) if text else None
    queue = arns.parse(subscription.endpoint) if subscription.protocol == "sqs" else None
    return Listener(subscription, wants, subscription.scope == filter_policy.BODY, queue)


def keep(call: Call, subscription: Subscription) -> None:
    call.shelf(Subscription)[subscription.arn] = subscription


def drop(call: Call, subscription: Subscription) -> None:
    del call.shelf(Subscription)[subscription.arn]


def of_topic(call: Call, topic: str) -> list[Subscription]:
    """Without those that nobody confirmed in time."""
    return [each for each in call.shelf(Subscription).values() if each.topic == topic and not is_stale(call, each)]


def is_stale(call: Call, subscription: Subscription) -> bool:
    return not subscription.is_confirmed and subscription.created + CONFIRMED_WITHIN_S <= call.now()


# Finding -------------------------------------------------------------------------------------------


def held_of(call: Call, account: str):
    """The subscriptions to topics of an account, which need not be the caller's."""
    return call.home.store.shelf(account, Subscription)


def existing(call: Call, arn: str) -> Subscription:
    """The subscription of an ARN, for its owner or the topic's."""
    account = _account(call, arn)
    held = held_of(call, account).get(arn) if account in call.home.store.accounts() else None
    if held is None or is_stale(call, held):
        raise NotFoundException("Subscription does not exist")
    if call.account not in (held.owner, account):
        raise AuthorizationErrorException(f"User: {call.principal.arn} is not authorized to access this resource")
    return held


def _account(call: Call, arn: str) -> str:
    parts = checked_arn(arn, "SubscriptionArn")
    if len(parts) != 7:
        raise InvalidParameterException.of("SubscriptionId")
    if parts[3] != call.region:
        raise InvalidParameterException.of("SubscriptionArn")
    return parts[4]


def at_topic(call: Call, subscription_arn: str) -> Call:
    """The same call among the data of whoever has the topic."""
    return call.home.call("sns", _account(call, subscription_arn), call.principal)


# Subscribing -----------------------------------------------------------------------------------------


def check_endpoint(call: Call, topic: Topic, protocol: str, endpoint: str | None) -> None:
    """Refusals recorded: test_subscribe_with_invalid_protocol, test_subscribe_sqs_queue_url, test_validations_for_fifo. Those of
    protocols that a topic or a subscription does not have were seen of AWS by cdk-preflight: pf-sns-…."""
    if protocol not in PROTOCOLS:
        raise InvalidParameterException.of(f"Amazon SNS does not support this protocol string: {protocol}")
    if not endpoint:
        raise InvalidParameterException.of("Endpoint", "no value for required parameter")
    if topic.is_fifo and protocol != "sqs":
        raise InvalidParameterException.of(f"Invalid protocol type: {protocol}")
    if topic.is_for_large_messages:
        if protocol not in topics.LARGE_PROTOCOLS:
            raise InvalidParameterException.of("Endpoint", f"A topic for messages of more than 256 KiB does not deliver to {protocol}")
        if len(of_topic(call, topic.name)) >= topics.LARGE_SUBSCRIPTIONS_MAX:
            raise SubscriptionLimitExceededException
    if protocol == "sqs":
        queue = arns.parse(endpoint)
        if queue is None or queue.service != "sqs" or not queue.resource:
            raise InvalidParameterException.of("SQS endpoint ARN")
        if queue.resource.endswith(".fifo") and not topic.is_fifo:
            raise InvalidParameterException.of("Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
    elif protocol == "lambda":
        function = arns.parse(endpoint)
        if function is None or function.service != "lambda" or not function.resource.startswith("function:"):
            raise InvalidParameterException.of("Lambda endpoint ARN")
    elif protocol in ("http", "https"):
        if not _HTTP.fullmatch(endpoint) or not endpoint.startswith(f"{protocol}://"):
            raise InvalidParameterException.of("Endpoint must match the specified protocol")
    elif protocol in ("email", "email-json"):
        if not _MAIL.fullmatch(endpoint):
            raise InvalidParameterException.of("Email address")
    elif protocol == "firehose":
        stream = arns.parse(endpoint)
        if stream is None or stream.service != "firehose" or not stream.resource.startswith("deliverystream/"):
            raise InvalidParameterException.of("Firehose endpoint ARN")
    elif protocol == "sms":
        if not _PHONE.fullmatch(endpoint):
            raise InvalidParameterException(f"Invalid SMS endpoint: {endpoint}")
    elif device.find(call, endpoint, "Endpoint") is None:
        # Recorded by moto's test_publish_to_deleted_platform_endpoint.
        raise InvalidParameterException.of("Endpoint", f"Endpoint does not exist for endpoint arn{endpoint}")


def checked(call: Call, topic: Topic, protocol: str, endpoint: str, said: dict[str, str], held: dict[str, str]) -> dict[str, str]:
    """The attributes of a subscription after some were set, each one valid. Refusals say the attribute's name and why."""
    told = dict(held)
    for name, value in said.items():
        if name not in _CHECKS:
            raise UnknownAttribute(name)
        told[name] = _CHECKS[name](call, topic, value)
    told = {name: value for name, value in told.items() if value}
    if "RedrivePolicy" in said and "RedrivePolicy" in told and endpoint.endswith(".fifo"):
        # A standard queue may hear a FIFO topic, and bury in another such (recorded: test_validations_for_fifo).
        if not json.loads(told["RedrivePolicy"])["deadLetterTargetArn"].endswith(".fifo"):
            raise Refused("RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.")
    if "RawMessageDelivery" in said and told["RawMessageDelivery"] == "true" and protocol not in RAW_PROTOCOLS:
        raise Refused(f"Delivery protocol [{protocol}] does not support raw message delivery.")
    if protocol == "firehose" and "SubscriptionRoleArn" not in told:
        raise InvalidParameterException.of("Delivery protocol firehose can only be subscribed with subscription role arn")
    if protocol != "firehose" and "SubscriptionRoleArn" in told:
        raise Refused("SubscriptionRoleArn: it is for delivery streams, and for no other endpoint")
    if "FilterPolicy" in told and ("FilterPolicy" in said or "FilterPolicyScope" in said):
        scope = told.get("FilterPolicyScope", filter_policy.ATTRIBUTES)
        try:
            filter_policy.compile(told["FilterPolicy"], scope)
        except filter_policy.NestedPolicy:
            raise Refused(f"Filter policy scope {scope} does not support nested filter policy") from None
        except event_pattern.InvalidPattern as error:
            raise Refused(f"FilterPolicy: {error}") from None
    return told


class UnknownAttribute(Exception):
    """The text is its name."""


def _raw(call: Call, topic: Topic, value: str) -> str:
    if value.lower() not in ("true", "false"):
        raise Refused(f"RawMessageDelivery: Invalid value [{value}]. Must be true or false.")
    return value.lower()


def _scope(call: Call, topic: Topic, value: str) -> str:
    if value not in (filter_policy.ATTRIBUTES, filter_policy.BODY):
        raise Refused(f"FilterPolicyScope: Invalid value [{value}]. Please use either {filter_policy.BODY} or {filter_policy.ATTRIBUTES}")
    return value


def _filter(call: Call, topic: Topic, value: str) -> str:
    """An empty policy takes the filter away."""
    if value.strip() in ("", "{}"):
        return ""
    filtered = sum("FilterPolicy" in each.attributes for each in of_topic(call, topic.name))
    if filtered >= FILTERS_PER_TOPIC_MAX:
        raise FilterPolicyLimitExceededException(f"Filter policy limit exceeded: a topic may have {FILTERS_PER_TOPIC_MAX}.")
    return value


def _redrive(call: Call, topic: Topic, value: str) -> str:
    if value.strip() in ("", "{}"):
        return ""
    try:
        said = json.loads(value)
    except (ValueError, RecursionError):
        raise Refused("RedrivePolicy: " + filter_policy.unreadable(value)) from None
    target = said.get("deadLetterTargetArn") if isinstance(said, dict) else None
    queue = arns.parse(target) if isinstance(target, str) else None
    if queue is None:
        raise Refused("RedrivePolicy: deadLetterTargetArn is an invalid arn")
    if queue.service != "sqs":
        raise Refused("RedrivePolicy: deadLetterTargetArn must be a SQS queue")
    if queue.region != call.region:
        raise Refused("RedrivePolicy: deadLetterTargetArn must be in the region of the subscription")
    return json.dumps({"deadLetterTargetArn": target}, separators=(",", ":"))


def _replay(call: Call, topic: Topic, value: str) -> str:
    """An empty policy ends a replay."""
    if value.strip() in ("", "{}"):
        return ""
    try:
        said = json.loads(value)
    except (ValueError, RecursionError):
        raise Refused("ReplayPolicy: " + filter_policy.unreadable(value)) from None
    if not isinstance(said, dict) or not topic.is_fifo:
        raise Refused("ReplayPolicy: only subscriptions to FIFO topics with an archive have one")
    return json.dumps(said, separators=(",", ":"))


def _delivery(call: Call, topic: Topic, value: str) -> str:
    if not value:
        return ""
    try:
        return json.dumps(delivery_policy.of_subscription(value), separators=(",", ":"))
    except InvalidParameterException as error:
        raise Refused(error.text.removeprefix("Invalid parameter: ")) from None


def _role(call: Call, topic: Topic, value: str) -> str:
    """As whom a delivery stream is written to."""
    role = arns.parse(value)
    if role is None or role.service != "iam" or not role.resource.startswith("role/"):
        raise Refused("SubscriptionRoleArn: Invalid value [" + value + "]. Must be the ARN of a role.")
    call.require("iam:PassRole", value, **{"iam:PassedToService": "sns.amazonaws.com"})
    return value


_CHECKS = {
    "SubscriptionRoleArn": _role,
    "RawMessageDelivery": _raw,
    "FilterPolicyScope": _scope,
    "FilterPolicy": _filter,
    "RedrivePolicy": _redrive,
    "DeliveryPolicy": _delivery,
    "ReplayPolicy": _replay,
}


def shown(call: Call, subscription: Subscription) -> dict[str, str]:
    said = dict(subscription.attributes)
    if "FilterPolicy" in said:
        said["FilterPolicyScope"] = subscription.scope
    else:
        said.pop("FilterPolicyScope", None)
    told = {
        "SubscriptionArn": subscription.arn,
        "TopicArn": subscription.arn.rpartition(":")[0],
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "Owner": subscription.owner,
        "SubscriptionPrincipal": subscription.principal,
        "ConfirmationWasAuthenticated": str(subscription.was_authenticated).lower(),
        "PendingConfirmation": str(not subscription.is_confirmed).lower(),
        "RawMessageDelivery": "false",
        **said,
    }
    if subscription.replay is not None:
        told["ReplayStatus"] = subscription.replay.status
    if subscription.protocol in ("http", "https"):
        effective = delivery_policy.effective_of_subscription(subscription.delivery_policy, _policy_of_topic(call, subscription))
        told["EffectiveDeliveryPolicy"] = json.dumps(effective, separators=(",", ":"))
    return told


def _policy_of_topic(call: Call, subscription: Subscription) -> dict[str, Any] | None:
    account = subscription.arn.split(":")[4]
    topic = call.home.store.shelf(account, topics.Topic).get(subscription.topic)
    return topic.delivery_policy if topic is not None else None


def listed(call: Call, subscription: Subscription) -> dict[str, str]:
    return {
        "SubscriptionArn": subscription.arn if subscription.is_confirmed else "PendingConfirmation",
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "TopicArn": subscription.arn.rpartition(":")[0],
    }


def same(held: Subscription, said: dict[str, str]) -> bool:
    """Whether what is said anew is so already. What is not said is not asked (recorded: test_subscribe_idempotency)."""
    unsaid = {"RawMessageDelivery": "false", "FilterPolicyScope": filter_policy.ATTRIBUTES}
    return all(held.attributes.get(name, unsaid.get(name)) == value for name, value in said.items())


def made(call: Call, topic: Topic, protocol: str, endpoint: str, attributes: dict[str, str], token: str) -> Subscription:
    principal = call.principal
    return Subscription(
        arn=f"{call.arn(topic.name)}:{call.new_id()}",
        topic=topic.name,
        owner=principal.account or call.account,
        principal=principal.source_arn or principal.arn,
        protocol=protocol,
        endpoint=endpoint,
        created=call.now(),
        attributes=attributes,
        token=token,
        is_confirmed=not token,
        was_authenticated=not token,
    )


def of_none(call: Call, protocol: str, endpoint: str) -> Subscription:
    """What stands for a subscription where a message goes to a phone or a device without a topic. It is kept nowhere."""
    principal = call.principal
    return Subscription(arn="", topic="", owner=call.account, principal=principal.arn, protocol=protocol, endpoint=endpoint, created=call.now())
