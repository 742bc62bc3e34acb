"""AWS::SNS."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Work,
    as_json,
    as_text,
    at,
    carries,
    from_json,
    gone_tags,
    made,
    p,
    read,
    same,
    seen,
    text,
    use,
)

ABSENT = "NotFoundException NotFound"

# Topics ----------------------------------------------------------------------------------------------

_TEXTS = "ContentBasedDeduplication DisplayName FifoThroughputScope KmsMasterKeyId MaximumMessageSize SignatureVersion TracingConfig"
_OF_TOPIC = {name: as_text(getattr(p, name)) for name in _TEXTS.split()}
_OF_TOPIC |= {"ArchivePolicy": as_json(p.ArchivePolicy)}
async def _set(work: Work, operation: str, values: dict[str, Any], to_region: str | None = None, **where: str) -> None:
    """SNS's attributes are set one by one."""
    for name, value in values.items():
        if name in work.changed:
            await work.ask(operation, to_region, AttributeName=name, AttributeValue=read(value, work), **where)


@carries(" ".join(_OF_TOPIC))
async def _set_topic(work: Work) -> None:
    await _set(work, "sns:SetTopicAttributes", _OF_TOPIC, TopicArn=work.id)


_LOGGED = {"http/s": "HTTP", "sqs": "SQS", "lambda": "Lambda", "firehose": "Firehose", "application": "Application"}
"""How a topic's attributes call the protocols of DeliveryStatusLogging."""


def _feedback(properties: dict[str, Any]) -> dict[str, str]:
    return {
        f"{_LOGGED[each['Protocol']]}{name}": str(value)
        for each in properties.get("DeliveryStatusLogging", ()) for name, value in each.items() if name != "Protocol"
    }  # fmt: skip


async def _log(work: Work, topic: str) -> None:
    before, wanted = _feedback(work.old), _feedback(work.properties)
    for name in sorted(before.keys() | wanted.keys()):
        if before.get(name) != wanted.get(name):
            await work.ask("sns:SetTopicAttributes", TopicArn=topic, AttributeName=name, AttributeValue=wanted.get(name, ""))


@carries("DeliveryStatusLogging")
async def _set_feedback(work: Work) -> None:
    await _log(work, work.id)


def _places(properties: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["Protocol"], each["Endpoint"]) for each in properties.get("Subscription", ())]


async def _subscribe_to(work: Work, topic: str) -> None:
    """The subscriptions that a topic says of itself; who subscribed otherwise stays."""
    wanted, gone = _places(work.properties), set(_places(work.old)) - set(_places(work.properties))
    page, token = None, {}
    while gone and (page is None or page.get("NextToken") not in (None, token.get("NextToken"))):
        token = {"NextToken": page["NextToken"]} if page is not None else {}
        page = await work.look("sns:ListSubscriptionsByTopic", TopicArn=topic, **token)
        for each in page["Subscriptions"]:
            if (each["Protocol"], each["Endpoint"]) in gone and each["SubscriptionArn"].startswith("arn:"):
                await work.ask("sns:Unsubscribe", SubscriptionArn=each["SubscriptionArn"])
    for protocol, endpoint in wanted:
        if (protocol, endpoint) not in _places(work.old):
            await work.ask("sns:Subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint)


@carries("Subscription")
async def _subscribe(work: Work) -> None:
    await _subscribe_to(work, work.id)


@carries(f"TopicName FifoTopic Tags Subscription DeliveryStatusLogging {' '.join(_OF_TOPIC)}")
async def _make_topic(work: Work) -> dict[str, Any]:
    create = Call("sns:CreateTopic", "Tags", Name=p.TopicName, Attributes=_OF_TOPIC | {"FifoTopic": as_text(p.FifoTopic)})
    reply = await create(work)
    await _log(work, reply["TopicArn"])
    await _subscribe_to(work, reply["TopicArn"])
    return reply


Topic = ResourceType(
    name=Name("TopicName", 256, ending=lambda properties: ".fifo" if properties.get("FifoTopic") else ""),
    create=_make_topic,
    id=made.TopicArn,
    read=Call("sns:GetTopicAttributes", TopicArn=ID),
    named=Call("sns:GetTopicAttributes", TopicArn=text("arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${TopicName}")),
    update=(
        _set_topic,
        _set_feedback,
        _subscribe,
        Call("sns:UntagResource", ResourceArn=ID, TagKeys=gone_tags).when(gone_tags),
        Call("sns:TagResource", "Tags", ResourceArn=ID).when(p.Tags),
    ),
    delete=Call("sns:DeleteTopic", TopicArn=ID),
    absent=ABSENT,
    attributes={"TopicArn": ID, "TopicName": use(lambda arn: arn.rpartition(":")[2], ID)},
    defaults={
        "ArchivePolicy": "", "ContentBasedDeduplication": False, "DisplayName": "", "FifoThroughputScope": "Topic", "KmsMasterKeyId": "",
        "DeliveryStatusLogging": [], "MaximumMessageSize": 262144, "SignatureVersion": "1", "Subscription": [], "TracingConfig": "PassThrough",
    },
    drift=(
        Reading(
            {
                **same("DisplayName ContentBasedDeduplication FifoThroughputScope FifoTopic SignatureVersion TracingConfig", seen.Attributes),
                "ArchivePolicy": from_json(seen.Attributes.ArchivePolicy),
            }
        ),
        Reading({"Tags": seen.Tags}, Call("sns:ListTagsForResource", ResourceArn=ID)),
    ),
)

# Subscriptions -----------------------------------------------------------------------------------------

_OF_SUBSCRIPTION = {
    "FilterPolicyScope": p.FilterPolicyScope,
    "RawMessageDelivery": as_text(p.RawMessageDelivery),
} | {name: as_json(getattr(p, name)) for name in ("FilterPolicy", "DeliveryPolicy", "RedrivePolicy", "ReplayPolicy")}


class _WithTopic(Call):
    """A call to the region of the topic, where the template says that it is another."""

    async def __call__(self, work: Work) -> dict[str, Any]:
        return await work.ask(self.operation, work.properties.get("Region"), **self.params(work))

    async def look(self, work: Work) -> dict[str, Any]:
        return await work.look(self.operation, work.properties.get("Region"), **self.params(work))


@carries(" ".join(_OF_SUBSCRIPTION))
async def _set_subscription(work: Work) -> None:
    await _set(work, "sns:SetSubscriptionAttributes", _OF_SUBSCRIPTION, work.properties.get("Region"), SubscriptionArn=work.id)


Subscription = ResourceType(
    create=_WithTopic("sns:Subscribe", "TopicArn Protocol Endpoint", Attributes=_OF_SUBSCRIPTION, ReturnSubscriptionArn=True),
    id=made.SubscriptionArn,
    read=_WithTopic("sns:GetSubscriptionAttributes", SubscriptionArn=ID),
    update=(_set_subscription,),
    delete=_WithTopic("sns:Unsubscribe", SubscriptionArn=ID),
    aside="Region",
    absent=ABSENT,
    attributes={"Arn": ID},
    defaults={
        "DeliveryPolicy": "", "FilterPolicy": "", "FilterPolicyScope": "MessageAttributes", "RawMessageDelivery": False, "RedrivePolicy": "",
        "ReplayPolicy": "",
    },
    drift=(
        Reading(
            {
                **same("FilterPolicyScope RawMessageDelivery Protocol Endpoint TopicArn", seen.Attributes),
                **{name: from_json(getattr(seen.Attributes, name)) for name in ("FilterPolicy", "DeliveryPolicy", "RedrivePolicy", "ReplayPolicy")},
            }
        ),
    ),
)

# Policies ----------------------------------------------------------------------------------------------


async def _set_policy(work: Work, topics: list[str], policy: Any) -> None:
    for topic in topics:
        await work.ask("sns:SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


@carries("Topics PolicyDocument")
async def _put_policy(work: Work) -> dict[str, Any]:
    await _set_policy(work, [topic for topic in work.old.get("Topics", ()) if topic not in work.properties["Topics"]], "")
    await _set_policy(work, work.properties["Topics"], read(as_json(p.PolicyDocument), work))
    return {}


async def _delete_policy(work: Work) -> None:
    """A topic without a policy of its own has the default one."""
    await _set_policy(work, work.properties["Topics"], "")


TopicPolicy = ResourceType(
    name=Name("Id", 80),
    create=_put_policy,
    id=p.Id,
    update=(_put_policy,),
    delete=_delete_policy,
    absent=ABSENT,
    attributes={"Id": ID},
)

_inline = Call("sns:SetTopicAttributes", TopicArn=at(p.TopicArn), AttributeName="Policy", AttributeValue=as_json(p.PolicyDocument))

TopicInlinePolicy = ResourceType(
    create=_inline,
    id=p.TopicArn,
    update=(_inline,),
    delete=Call("sns:SetTopicAttributes", TopicArn=ID, AttributeName="Policy", AttributeValue=""),
    absent=ABSENT,
    drift=(Reading({"PolicyDocument": from_json(seen.Attributes.Policy)}, Call("sns:GetTopicAttributes", TopicArn=ID)),),
)
