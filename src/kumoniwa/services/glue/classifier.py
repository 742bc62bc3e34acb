"""Classifiers of one's own: how a crawler reads JSON, separated values and lines of a pattern. Those of XML are refused by name.

https://docs.aws.amazon.com/glue/latest/dg/custom-classifier.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.engines import classify_text
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import glue_grok
from kumoniwa.services.glue import page
from kumoniwa.services.glue.errors import AlreadyExistsException, EntityNotFoundException, InvalidInputException

PAGE = 100
_KINDS = {"GrokClassifier": "grok", "JsonClassifier": "json", "CsvClassifier": "csv"}
_TYPES = ("BINARY", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "FLOAT", "INT", "LONG", "SHORT", "STRING", "TIMESTAMP")


class Classifier(Record):
    """Shelved by its name."""

    name: str
    member: str
    said: dict[str, Any]
    created: float
    updated: float
    version: int = 1


def existing(call: Call, name: str) -> Classifier:
    found = call.shelf(Classifier).get(name)
    if found is None:
        raise EntityNotFoundException(f"Classifier {name} not found.")  # our words
    return found


def told(call: Call, name: str) -> dict[str, Any]:
    """As ``engines.classifying`` is told of it."""
    held = existing(call, name)
    return {"kind": _KINDS[held.member], **held.said}


def _said(call: Call, members: dict[str, dict[str, Any] | None]) -> tuple[str, dict[str, Any]]:
    chosen = [(member, said) for member, said in members.items() if said is not None]
    if len(chosen) != 1:
        raise InvalidInputException("Exactly one classifier must be specified.")  # our words
    if chosen[0][0] == "XMLClassifier":
        raise NotImplementedHere(f"glue:{call.operation}(XMLClassifier)")
    return chosen[0]


def _check(call: Call, member: str, said: dict[str, Any]) -> None:
    """The words are ours."""
    if member == "JsonClassifier":
        try:
            classify_text.steps(said["JsonPath"])
        except ValueError:
            raise InvalidInputException(f"Invalid JsonPath: {said['JsonPath']}") from None
    elif member == "GrokClassifier":
        try:
            glue_grok.read(said["GrokPattern"], said.get("CustomPatterns", ""))
        except glue_grok.UnknownPattern as error:
            raise NotImplementedHere(f"glue:{call.operation}(GrokPattern with %{{{error}}})") from None
        except glue_grok.InvalidGrok as error:
            raise InvalidInputException(f"Invalid grok pattern: {error}") from None
    else:
        if said.get("Delimiter") is not None and said.get("Delimiter") == said.get("QuoteSymbol", '"'):
            # The model: "A custom symbol to denote what combines content into a single column value. Must be different from the column delimiter."
            raise InvalidInputException("QuoteSymbol must be different from the column delimiter.")
        wrong = [each for each in said.get("CustomDatatypes", ()) if each.upper() not in _TYPES]
        if wrong:
            raise InvalidInputException(f"Invalid custom datatype: {wrong[0]}")


def CreateClassifier(
    call: Call, *, GrokClassifier: dict[str, Any] | None = None, XMLClassifier: dict[str, Any] | None = None,
    JsonClassifier: dict[str, Any] | None = None, CsvClassifier: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    members = {"GrokClassifier": GrokClassifier, "XMLClassifier": XMLClassifier, "JsonClassifier": JsonClassifier, "CsvClassifier": CsvClassifier}
    member, said = _said(call, members)
    name, shelf, now = said["Name"], call.shelf(Classifier), call.now()
    if name in shelf:
        raise AlreadyExistsException(f"Classifier {name} already exists.")  # our words
    _check(call, member, said)
    shelf[name] = Classifier(name=name, member=member, said=said, created=now, updated=now)


def UpdateClassifier(
    call: Call, *, GrokClassifier: dict[str, Any] | None = None, XMLClassifier: dict[str, Any] | None = None,
    JsonClassifier: dict[str, Any] | None = None, CsvClassifier: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    members = {"GrokClassifier": GrokClassifier, "XMLClassifier": XMLClassifier, "JsonClassifier": JsonClassifier, "CsvClassifier": CsvClassifier}
    member, more = _said(call, members)
    held = existing(call, more["Name"])
    if held.member != member:
        raise InvalidInputException(f"Classifier {held.name} is no {member}.")  # our words
    said = {**held.said, **more}
    _check(call, member, said)
    call.shelf(Classifier)[held.name] = changed(held, said=said, updated=call.now(), version=held.version + 1)


def _shown(held: Classifier) -> dict[str, Any]:
    return {held.member: {**held.said, "CreationTime": held.created, "LastUpdated": held.updated, "Version": held.version}}


def GetClassifier(call: Call, *, Name: str) -> dict:
    return {"Classifier": _shown(existing(call, Name))}


def GetClassifiers(call: Call, *, MaxResults: int | None = None, NextToken: str | None = None) -> dict:
    start, most, shelf = page.after(NextToken), MaxResults or PAGE, call.shelf(Classifier)
    names = sorted(name for name in shelf if name > start)
    more = {"NextToken": page.token(names[most - 1])} if len(names) > most else {}
    return {"Classifiers": [_shown(shelf[name]) for name in names[:most]], **more}


def DeleteClassifier(call: Call, *, Name: str) -> None:
    existing(call, Name)
    del call.shelf(Classifier)[Name]
