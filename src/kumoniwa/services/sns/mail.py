"""Subscriptions by mail: letters to an address, which lie in the region's mailbox and go nowhere else.

https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
"""

from __future__ import annotations

from email.utils import formataddr

from kumoniwa.kernel.call import Call
from kumoniwa.services.sns import envelope, http
from kumoniwa.services.sns.message import Message
from kumoniwa.services.sns.subscription import Subscription
from kumoniwa.services.sns.topic import Topic

NAME, ADDRESS = "AWS Notifications", "no-reply@sns.amazonaws.com"
SUBJECT = "AWS Notification Message"
INVITED = """You have chosen to subscribe to the topic:
{topic}

To confirm this subscription, click or visit the link below (If this was in error no action is necessary):
{link}

Please do not reply directly to this email.
"""
GONE = """Your subscription to the topic below has been deactivated:
{topic}

If this was in error and you wish to resubscribe, click or visit the link below:
{link}

Please do not reply directly to this email.
"""
NOTIFIED = """{text}

--
If you wish to stop receiving notifications from this topic, please click or visit the link below to unsubscribe:
{link}

Please do not reply directly to this email. If you have any questions or comments regarding this email, please contact us at https://aws.amazon.com/support
"""


async def send(call: Call, message: Message, subscription: Subscription, invitation: http.Invitation | None, token: str) -> None:
    topic = call.shelf(Topic).get(subscription.topic)
    name = topic.attributes.get("DisplayName") if topic is not None else None
    if invitation is not None:
        subject, text = _invitation(call, message, subscription, invitation)
        name = NAME
    elif subscription.protocol == "email-json":
        subject, text = message.subject or SUBJECT, envelope.Sealer(call, message).notification(subscription)
    else:
        link = envelope.unsubscribe_url(call, subscription.arn)
        subject, text = message.subject or SUBJECT, NOTIFIED.format(text=message.text_for(subscription.protocol), link=link)
    letter = {
        "account": call.account, "from": formataddr((name or NAME, ADDRESS)), "to": subscription.endpoint, "subject": subject, "text": text,
        "token": token,
    }  # fmt: skip
    await call.home.heard("", "ses", {"post": letter})


def _invitation(call: Call, message: Message, subscription: Subscription, invitation: http.Invitation) -> tuple[str, str]:
    is_first = invitation.kind == "SubscriptionConfirmation"
    subject = "AWS Notification - Subscription Confirmation" if is_first else "AWS Notification - Unsubscribe Confirmation"
    if subscription.protocol == "email-json":
        return subject, http.written(call, invitation, subscription)
    link = envelope.subscribe_url(call, message.topic, invitation.token)
    return subject, (INVITED if is_first else GONE).format(topic=message.topic, link=link)
