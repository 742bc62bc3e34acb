"""The operations on subscriptions, and those on topics that concern their subscribers."""

from __future__ import annotations

import re

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.sns import delivery, fifo, http, replay
from kumoniwa.services.sns import subscription as subscriptions
from kumoniwa.services.sns import topic as topics
from kumoniwa.services.sns.errors import (
    AuthorizationErrorException,
    InvalidParameterException,
    InvalidStateException,
    Refused,
    checked_arn,
)
from kumoniwa.services.sns.message import Message
from kumoniwa.services.sns.subscription import Deactivated, Subscription
from kumoniwa.services.sns.topic import Topic

PENDING = "pending confirmation"


def GetTopicAttributes(call: Call, *, TopicArn: str) -> dict:
    topic = topics.named(call, TopicArn)
    mine = subscriptions.of_topic(call, topic.name)
    confirmed = sum(each.is_confirmed for each in mine)
    return {"Attributes": topics.shown(call, topic, confirmed, len(mine) - confirmed)}


def DeleteTopic(call: Call, *, TopicArn: str) -> None:
    """A topic that does not exist is deleted with success."""
    parts = checked_arn(TopicArn, "TopicArn")
    if parts[3] != call.region or len(parts) != 6:
        raise InvalidParameterException.of("TopicArn")
    topic = call.shelf(Topic).get(parts[5]) if parts[4] == call.account else None
    if topic is None:
        return
    if "ArchivePolicy" in topic.attributes:
        raise InvalidStateException("Invalid state: Cannot delete a topic with an ArchivePolicy")
    for subscription in [each for each in call.shelf(Subscription).values() if each.topic == topic.name]:
        subscriptions.drop(call, subscription)
    del call.shelf(Topic)[topic.name]
    if topic.is_fifo:
        fifo.forget(call, topic)
        replay.forget(call, topic)


# Subscribing ---------------------------------------------------------------------------------------


def Subscribe(
    call: Call,
    *,
    TopicArn: str,
    Protocol: str,
    Endpoint: str | None = None,
    Attributes: dict[str, str] | None = None,
    ReturnSubscriptionArn: bool | None = None,
) -> dict:
    """An endpoint is subscribed once: who asks again is told so, unless something is said of it that is not so."""
    topic = topics.named(call, TopicArn)
    subscriptions.check_endpoint(call, topic, Protocol, Endpoint)
    try:
        said = subscriptions.checked(call, topic, Protocol, Endpoint, Attributes or {}, {})
        begun = replay.begun(call, topic, said["ReplayPolicy"]) if "ReplayPolicy" in said else None
    except subscriptions.UnknownAttribute as error:
        raise InvalidParameterException.of("Attributes", f"Unknown attribute: {error}") from None
    except Refused as error:
        raise InvalidParameterException.of("Attributes", str(error)) from None
    for stale in [each for each in call.shelf(Subscription).values() if subscriptions.is_stale(call, each)]:
        subscriptions.drop(call, stale)
    held = next((each for each in subscriptions.of_topic(call, topic.name) if (each.protocol, each.endpoint) == (Protocol, Endpoint)), None)
    if held is not None:
        if not subscriptions.same(held, said):
            raise InvalidParameterException.of("Attributes", "Subscription already exists with different attributes")
    else:
        token = "" if _agrees_unasked(call, Protocol, Endpoint) else call.ids.hex(subscriptions.TOKEN_DIGITS)
        held = changed(subscriptions.made(call, topic, Protocol, Endpoint, said, token), replay=begun)
        subscriptions.keep(call, held)
    if not held.is_confirmed:
        _invite(call, topic, held, "SubscriptionConfirmation", held.token)
    return {"SubscriptionArn": held.arn if held.is_confirmed or ReturnSubscriptionArn else PENDING}


def _agrees_unasked(call: Call, protocol: str, endpoint: str) -> bool:
    """Whoever subscribes what is theirs need not be asked; a function's own policy says who may call it, and a phone says STOP."""
    if protocol in ("lambda", "sms", "application"):
        return True
    place = arns.parse(endpoint)
    return protocol in ("sqs", "firehose") and place is not None and place.account == (call.principal.account or call.account)


def _invite(call: Call, topic: Topic, subscription: Subscription, kind: str, token: str) -> None:
    version = topic.attributes.get("SignatureVersion", "1")
    invitation = http.Invitation(kind, call.new_id(), token, version)
    message = Message(id=invitation.id, topic=call.arn(topic.name), text="", published=call.now())
    delivery.promise(call, message, subscription, invitation=invitation)


def ConfirmSubscription(call: Call, *, TopicArn: str, Token: str, AuthenticateOnUnsubscribe: str | None = None) -> dict:
    """The token alone says what is confirmed, whichever topic of the region is named (recorded: test_subscribe_external_http_endpoint)."""
    place = arns.parse(TopicArn)
    if place is None or place.service != "sns" or place.region != call.region:
        raise InvalidParameterException.of("Topic")
    if not re.fullmatch("[0-9a-f]+", Token):
        raise InvalidParameterException("Invalid token")
    held = next((each for each in call.shelf(Subscription).values() if each.token == Token and not subscriptions.is_stale(call, each)), None)
    if held is None:
        gone = call.shelf(Deactivated).get(Token)
        if gone is None or gone.at + subscriptions.CONFIRMED_WITHIN_S <= call.now() or gone.subscription.topic not in call.shelf(Topic):
            raise InvalidParameterException.of("Token")
        del call.shelf(Deactivated)[Token]
        held = gone.subscription
    if not held.is_confirmed or held.arn not in call.shelf(Subscription):
        is_known = call.principal.kind != "anonymous"
        subscriptions.keep(call, changed(
            held, is_confirmed=True, was_authenticated=is_known,
            needs_authentication=is_known and (AuthenticateOnUnsubscribe or "").lower() == "true",
        ))  # fmt: skip
    return {"SubscriptionArn": held.arn}


def Unsubscribe(call: Call, *, SubscriptionArn: str) -> None:
    """What is ended by somebody unknown may be restored by its endpoint, which is told so."""
    there = subscriptions.at_topic(call, SubscriptionArn)
    held = there.shelf(Subscription).get(SubscriptionArn) if there.account in call.home.store.accounts() else None
    if held is None:
        return
    is_known = call.principal.kind != "anonymous"
    if is_known and call.account not in (held.owner, there.account):
        raise AuthorizationErrorException(f"User: {call.principal.arn} is not authorized to access this resource")
    if not is_known and (held.needs_authentication or held.protocol not in subscriptions.UNKNOWN_MAY_END):
        raise AuthorizationErrorException("Only the owner of the subscription or of its topic may unsubscribe it.")
    subscriptions.drop(there, held)
    topic = there.shelf(Topic).get(held.topic)
    if topic is None:
        return
    there.shelf(Topic)[topic.name] = changed(topic, unsubscribed=topic.unsubscribed + 1)
    if not is_known and held.is_confirmed:
        token, gone = call.ids.hex(subscriptions.TOKEN_DIGITS), there.shelf(Deactivated)
        for old in [key for key, each in gone.items() if each.at + subscriptions.CONFIRMED_WITHIN_S <= call.now()]:
            del gone[old]
        gone[token] = Deactivated(subscription=held, at=call.now())
        _invite(there, topic, held, "UnsubscribeConfirmation", token)


# Showing and changing --------------------------------------------------------------------------------


def GetSubscriptionAttributes(call: Call, *, SubscriptionArn: str) -> dict:
    return {"Attributes": subscriptions.shown(call, subscriptions.existing(call, SubscriptionArn))}


def SetSubscriptionAttributes(call: Call, *, SubscriptionArn: str, AttributeName: str, AttributeValue: str | None = None) -> None:
    held = subscriptions.existing(call, SubscriptionArn)
    there = subscriptions.at_topic(call, SubscriptionArn)
    topic = there.shelf(Topic)[held.topic]
    try:
        attributes = subscriptions.checked(there, topic, held.protocol, held.endpoint, {AttributeName: AttributeValue or ""}, held.attributes)
        again = held.replay
        if AttributeName == "ReplayPolicy":
            again = replay.begun(there, topic, attributes["ReplayPolicy"]) if "ReplayPolicy" in attributes else None
    except subscriptions.UnknownAttribute:
        raise InvalidParameterException.of("AttributeName") from None
    except Refused as error:
        raise InvalidParameterException.of(str(error)) from None
    subscriptions.keep(there, changed(held, attributes=attributes, replay=again))


def ListSubscriptions(call: Call) -> dict:
    """The caller's own, whosever topics they are of."""
    found = [
        each
        for account in call.home.store.accounts()
        if account.isdigit()
        for each in subscriptions.held_of(call, account).values()
        if each.owner == call.account and not subscriptions.is_stale(call, each)
    ]
    return {"Subscriptions": [subscriptions.listed(call, each) for each in sorted(found, key=lambda each: (each.created, each.arn))]}


def ListSubscriptionsByTopic(call: Call, *, TopicArn: str) -> dict:
    mine = subscriptions.of_topic(call, topics.named(call, TopicArn).name)
    return {"Subscriptions": [subscriptions.listed(call, each) for each in sorted(mine, key=lambda each: (each.created, each.arn))]}
