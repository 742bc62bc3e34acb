"""What tests of mail need: letters, the mailbox, and addresses that are proven by opening the link in their letter."""

from __future__ import annotations

import json
import re

ANN, BEN = "ann@example.com", "ben@example.net"


def letter(text: str = "Hello", subject: str = "Hi", **body) -> dict:
    return {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text}, **body}}


def mails(cloud, query: str = "", region: str = "us-east-1") -> list[dict]:
    """What test authors see, oldest first."""
    status, _, body = cloud.http("GET", f"/_aws/ses{query}", host=f"email.{region}.localhost:4566")
    assert status == 200
    return json.loads(body)["messages"]


def link_for(cloud, address: str, region: str = "us-east-1") -> str:
    """The path of the newest verification link to an address."""
    text = mails(cloud, f"?email={address}", region)[-1]["Body"]["text_part"]
    return re.search(r"http://[^/]+(/\S+)", text)[1]


def prove(cloud, *addresses: str, region: str = "us-east-1", key: str = "test") -> None:
    for address in addresses:
        cloud.client("ses", region, key=key).verify_email_identity(EmailAddress=address)
        assert cloud.http("GET", link_for(cloud, address, region))[0] == 200


def leave_sandbox(cloud) -> None:
    cloud.client("sesv2").put_account_details(
        MailType="TRANSACTIONAL", WebsiteURL="https://example.com", ProductionAccessEnabled=True, UseCaseDescription="shop"
    )


def send(cloud, source: str = ANN, *to: str, client=None, **more) -> str:
    client = client or cloud.client("ses")
    return client.send_email(Source=source, **{"Destination": {"ToAddresses": list(to or [BEN])}, "Message": letter(), **more})["MessageId"]
