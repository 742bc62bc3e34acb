"""Messages: what may be published, and what of it a subscriber is told.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec
import orjson

from kumoniwa.services.sns.errors import InvalidParameterException, InvalidParameterValueException
from kumoniwa.services.sns.topic import Topic

SUBJECT_CHARACTERS_MAX = 100
_FIFO_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_SUBJECT = re.compile(r"[^\x00-\x1f\x7f]+")


class Sealed(msgspec.Struct, array_like=True):
    """What a message says, under a data key (see ``sealing``)."""

    key_id: str
    publisher: dict[str, Any]
    body: bytes


class Message(msgspec.Struct, array_like=True):
    """One publication, as it waits for its delivery."""

    id: str
    topic: str
    """The ARN."""
    text: str
    published: float
    subject: str | None = None
    attributes: dict[str, dict[str, Any]] = {}
    is_structured: bool = False
    """Whether ``text`` is a JSON object with a text for each protocol."""
    signature_version: str = "1"
    group: str | None = None
    deduplication: str | None = None
    sequence: str | None = None
    trace: str | None = None
    is_replayed: bool = False
    sealed: Sealed | None = None
    """If it says nothing by itself."""
    is_traced: bool = False
    """Whether its topic tells X-Ray of it."""

    def text_for(self, protocol: str) -> str:
        if not self.is_structured:
            return self.text
        said = orjson.loads(self.text)
        own = said.get(protocol)
        return own if isinstance(own, str) else said["default"]


def size_of(text: str, attributes: dict[str, dict[str, Any]] | None) -> int:
    size = len(text.encode())
    for name, value in (attributes or {}).items():
        size += len((name + value.get("DataType", "") + value.get("StringValue", "")).encode()) + len(value.get("BinaryValue", b""))
    return size


def check(text: str, subject: str | None, structure: str | None, attributes: dict[str, dict[str, Any]] | None, *, platform: str = "") -> None:
    """Raises what AWS answers to a message it does not take, but for its size. What is for one platform alone needs no default."""
    if not text:
        raise InvalidParameterException.of("Empty message")
    if subject is not None and not (len(subject) <= SUBJECT_CHARACTERS_MAX and _SUBJECT.fullmatch(subject)):
        raise InvalidParameterException.of("Subject")
    if structure is not None:
        if structure != "json":
            raise InvalidParameterException.of("MessageStructure")
        _check_structure(text, platform)
    for name, value in (attributes or {}).items():
        _check_attribute(name, value)


def check_size(topic: Topic, text: str, attributes: dict[str, dict[str, Any]] | None) -> None:
    if size_of(text, attributes) > topic.message_bytes_max:
        raise InvalidParameterException.of("Message too long")


def _check_structure(text: str, platform: str) -> None:
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidParameterException.of("Message Structure - JSON message body failed to parse") from None
    if not isinstance(said, dict) or not (isinstance(said.get("default"), str) or isinstance(said.get(platform), str)):
        raise InvalidParameterException.of("Message Structure - No default entry in JSON message body")


_ATTRIBUTE_NAME = re.compile(r"[\w\-.]+", re.ASCII)
_STRANGE = re.compile(r"[^\w\-.]", re.ASCII)
_KIND = re.compile(r"(String|Number|Binary)(\..+)?", re.DOTALL)
ATTRIBUTE_NAME_BYTES_MAX = 256


def _check_attribute(name: str, value: dict[str, Any]) -> None:
    """Refusals recorded: test_empty_or_wrong_message_attributes, test_message_attributes_prefixes."""
    if len(name.encode()) > ATTRIBUTE_NAME_BYTES_MAX:
        raise InvalidParameterValueException("Length of message attribute name must be less than 256 bytes.")
    if not _ATTRIBUTE_NAME.fullmatch(name):
        strange = _STRANGE.search(name)
        shown = f"#x{ord(strange[0]):X}" if strange else "#x0"
        raise InvalidParameterValueException(
            f"Invalid non-alphanumeric character '{shown}' was found in the message attribute name. "
            "Can only include alphanumeric characters, hyphens, underscores, or dots."
        )
    for is_there, where in ((name[0] == ".", "starting"), (name[-1] == ".", "ending")):
        if is_there:
            raise InvalidParameterValueException(f"Invalid message attribute name {where} with character '.' was found.")
    if ".." in name:
        raise InvalidParameterValueException("Message attribute name can not have successive '.' character.")
    kind = value["DataType"]
    found = _KIND.fullmatch(kind)
    if found is None:
        raise InvalidParameterValueException(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
        )
    field, other = ("Binary", "String") if found[1] == "Binary" else ("String", "Binary")
    if not value.get(f"{field}Value"):
        if value.get(f"{other}Value"):
            raise InvalidParameterValueException(f"The message attribute '{name}' with type '{kind}' must use field '{field}'.")
        raise InvalidParameterValueException(
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{kind}'."
        )
    if found[1] == "Number":
        try:
            float(value["StringValue"])
        except ValueError:
            raise InvalidParameterValueException(f"Could not cast message attribute '{name}' value to number.") from None


def deduplication_of(topic: Topic, text: str, group: str | None, deduplication: str | None) -> str:
    """By what a FIFO topic tells a message from others. Refusals recorded: test_validations_for_fifo."""
    if not group:
        raise InvalidParameterException.of("The MessageGroupId parameter is required for FIFO topics")
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication)):
        if value is not None and not _FIFO_ID.fullmatch(value):
            raise InvalidParameterException.of(
                name, f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length"
            )
    if deduplication:
        return deduplication
    if not topic.is_deduplicated_by_content:
        raise InvalidParameterException.of(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
        )
    return hashlib.sha256(text.encode()).hexdigest()


def check_of_standard(group: str | None, deduplication: str | None) -> None:
    """A group is told to queues that are fair to groups; nothing is deduplicated."""
    if deduplication is not None:
        raise InvalidParameterException.of(
            "MessageDeduplicationId", "The request includes MessageDeduplicationId parameter that is not valid for this topic type"
        )
    if group is not None and not _FIFO_ID.fullmatch(group):
        raise InvalidParameterException.of(
            "MessageGroupId", "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length"
        )
