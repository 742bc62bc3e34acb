"""Tags of what SES keeps."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.ses.configuration import ConfigurationSet
from kumoniwa.services.ses.identity import Identity
from kumoniwa.services.ses.template import MailTemplate
from kumoniwa.services.sesv2.contact import ContactList
from kumoniwa.services.sesv2.errors import BadRequestException, NotFoundException
from kumoniwa.services.sesv2.identity import tags_of, told_tags

KINDS = {"identity": Identity, "configuration-set": ConfigurationSet, "template": MailTemplate, "contact-list": ContactList}


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return BadRequestException("Tag keys that begin with aws: are reserved.")


def _tagged(call: Call, arn: str) -> tuple[Any, str]:
    """The shelf of a resource and its key there."""
    parsed = arns.parse(arn)
    kind, _, name = parsed.resource.partition("/") if parsed is not None else ("", "", "")
    if parsed is None or (parsed.service, parsed.region) != ("ses", call.region) or kind not in KINDS or name not in call.shelf(KINDS[kind]):
        raise NotFoundException(f"Resource {arn} does not exist.")
    return call.shelf(KINDS[kind]), name


def of_arn(call: Call, arn: str) -> dict[str, str]:
    shelf, name = _tagged(call, arn)
    return shelf[name].tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(call.arn(f"{name}/{key}", "ses"), each.tags) for name, kind in KINDS.items() for key, each in call.shelf(kind).items()]


def TagResource(call: Call, *, ResourceArn: str, Tags: list[dict[str, str]]) -> dict:
    shelf, name = _tagged(call, ResourceArn)
    shelf[name] = changed(shelf[name], tags={**shelf[name].tags, **tags_of(Tags)})
    return {}


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> dict:
    shelf, name = _tagged(call, ResourceArn)
    shelf[name] = changed(shelf[name], tags={key: value for key, value in shelf[name].tags.items() if key not in TagKeys})
    return {}


def ListTagsForResource(call: Call, *, ResourceArn: str) -> dict:
    shelf, name = _tagged(call, ResourceArn)
    return {"Tags": told_tags(shelf[name].tags)}
