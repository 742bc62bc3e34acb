"""Tags of parameters, documents, automations and OpsItems.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.ssm.errors import InvalidResourceId, TooManyTagsError, ValidationException
from kumoniwa.services.ssm.parameter import Parameter, known

TAGS_MAX = 50


def checked(tags: list[dict[str, str]] | None) -> dict[str, str]:
    read = {tag["Key"]: tag["Value"] for tag in tags or ()}
    if len(read) != len(tags or ()):
        raise ValidationException("Duplicate tag keys are not allowed.")
    if any(key.lower().startswith("aws:") for key in read):
        raise ValidationException("Tag keys that begin with aws: are reserved for AWS.")
    if len(read) > TAGS_MAX:
        raise TooManyTagsError(f"The Targets parameter includes too many tags: {TAGS_MAX} at most.")
    return read


def _tagged(call: Call, kind: str, id_: str) -> tuple[type[Record], str, Record]:
    """The shelf, the key and the record of something that has tags."""
    if kind == "Parameter":
        parameter = known(call, id_)
        if parameter is None:
            raise InvalidResourceId
        return Parameter, parameter.key, parameter
    raise NotImplementedHere(f"tags of a {kind}")


def AddTagsToResource(call: Call, *, ResourceType: str, ResourceId: str, Tags: list[dict[str, str]]) -> None:
    kind, key, record = _tagged(call, ResourceType, ResourceId)
    tags = record.tags | checked(Tags)
    if len(tags) > TAGS_MAX:
        raise TooManyTagsError(f"The Targets parameter includes too many tags: {TAGS_MAX} at most.")
    call.shelf(kind)[key] = changed(record, tags=tags)


def RemoveTagsFromResource(call: Call, *, ResourceType: str, ResourceId: str, TagKeys: list[str]) -> None:
    kind, key, record = _tagged(call, ResourceType, ResourceId)
    call.shelf(kind)[key] = changed(record, tags={name: value for name, value in record.tags.items() if name not in TagKeys})


def ListTagsForResource(call: Call, *, ResourceType: str, ResourceId: str) -> dict:
    _, _, record = _tagged(call, ResourceType, ResourceId)
    return {"TagList": [{"Key": name, "Value": value} for name, value in record.tags.items()]}
