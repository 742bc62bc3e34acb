"""Data protection policies of CloudWatch Logs: which parts of a message are sensitive, and what is left of it when they are masked.

Managed identifiers are AWS's own and how each looks is described, not published; those here are the ones whose form is plain, all others are
refused by name. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL-managed-data-identifiers.html
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages import backtracking

DOCUMENT_MAX, CUSTOM_MAX, NAME_MAX, REGEX_MAX = 30_720, 10, 128, 200
VERSION = "2021-06-01"
TWO_STATEMENTS = "Policy can only have two statements. One for Audit Operation and one for Deidentify Operation"
MASK = "*"
NEAR = 30
"""A keyword stands so many characters before or behind what needs one."""
PREFIX = ":dataprotection::aws:data-identifier/"

Span = tuple[int, int]
Find = Callable[[str], Iterator[Span]]


class InvalidPolicy(ValueError):
    """Not a policy AWS takes. The text says why."""


# What is sensitive ----------------------------------------------------------------------------------------------


def _matching(expression: str, holds: Callable[[str], bool] = bool, flags: int = 0) -> Find:
    pattern = re.compile(expression, flags)
    return lambda text: (found.span() for found in pattern.finditer(text) if holds(found[0]))


def _is_card(text: str) -> bool:
    """The check digit of Luhn."""
    digits = [int(each) for each in text if each.isdigit()]
    doubled = [each * 2 - 9 * (each > 4) if place % 2 else each for place, each in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and sum(doubled) % 10 == 0


_VIN = {letter: value for letter, value in zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9))}
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def _is_vehicle(text: str) -> bool:
    """The check digit of ISO 3779, as it is used in North America."""
    total = sum(weight * (int(each) if each.isdigit() else _VIN[each]) for each, weight in zip(text, _VIN_WEIGHTS))
    return text[8] == "0123456789X"[total % 11]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_SECRET_WORDS = re.compile(r"aws[_ -]?secret|secret[_ -]?(?:access[_ -]?)?key|credentials|secretaccesskey|set-awscredential", re.IGNORECASE)
_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")


def _secrets(text: str) -> Iterator[Span]:
    for found in _SECRET.finditer(text):
        start, end = found.span()
        if _SECRET_WORDS.search(text[max(start - NEAR, 0) : start]) or _SECRET_WORDS.search(text[end : end + NEAR]):
            yield start, end


MANAGED: dict[str, Find] = {
    "EmailAddress": _matching(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])"),
    "IpAddress": _matching(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]{2,39}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?)(?![\w:]|\.\d)", _is_address),
    "CreditCardNumber": _matching(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])", _is_card),
    "Ssn-US": _matching(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])"),
    "VehicleIdentificationNumber": _matching(r"(?<!\w)[A-HJ-NPR-Z0-9]{17}(?!\w)", _is_vehicle),
    "AwsSecretKey": _secrets,
    "OpenSshPrivateKey": _matching(r"-----BEGIN OPENSSH PRIVATE KEY-----(?:[^-]+-----END OPENSSH PRIVATE KEY-----)?"),
    "PkcsPrivateKey": _matching(r"-----BEGIN (?:RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY-----(?:[^-]+-----END [A-Z ]+-----)?"),
    "PgpPrivateKey": _matching(r"-----BEGIN PGP PRIVATE KEY BLOCK-----(?:[^-]+-----END PGP PRIVATE KEY BLOCK-----)?"),
    "PuttyPrivateKey": _matching(r"PuTTY-User-Key-File-\d: [^\n]*"),
}  # fmt: skip
"""By name. Only a secret key of AWS needs a keyword near it."""


def _custom(expression: str) -> Find:
    try:
        compiled = backtracking.compiled(expression)
    except backtracking.InvalidPattern as error:
        raise InvalidPolicy(f"A custom data identifier has an invalid Regex: {error}") from None

    def find(text: str) -> Iterator[Span]:
        try:
            found = [(each.start, each.end) for each in compiled.found(text)]
        except backtracking.TooMuchWork:
            # What cannot be looked through might hold anything.
            found = [(0, len(text))]
        return iter(found)

    return find


# Policies -------------------------------------------------------------------------------------------------------


def _customs(said: dict[str, Any]) -> dict[str, Find]:
    configuration = said.get("Configuration", {})
    customs = configuration.get("CustomDataIdentifier", []) if isinstance(configuration, dict) else None
    if not isinstance(customs, list) or len(customs) > CUSTOM_MAX:
        raise InvalidPolicy(f"A policy has up to {CUSTOM_MAX} custom data identifiers.")
    made: dict[str, Find] = {}
    for each in customs:
        name, regex = (each.get("Name"), each.get("Regex")) if isinstance(each, dict) else (None, None)
        if not isinstance(name, str) or not re.fullmatch(r"[\w-]{1,128}", name) or name in MANAGED or name in made:
            raise InvalidPolicy("A custom data identifier has a name of its own.")
        if not isinstance(regex, str) or not 0 < len(regex) <= REGEX_MAX or not re.fullmatch(r"[A-Za-z0-9_#=@/;,\-^$?\[\]{}|\\*+. ]+", regex):
            raise InvalidPolicy(f"The Regex of a custom data identifier has up to {REGEX_MAX} characters, of those that are allowed.")
        made[name] = _custom(regex)
    return made


def _finds(identifiers: list[Any], customs: dict[str, Find]) -> list[Find]:
    made = []
    for identifier in identifiers:
        if not isinstance(identifier, str):
            raise InvalidPolicy("A data identifier is an ARN or the name of a custom one.")
        name = identifier.partition(PREFIX)[2] or identifier
        if name in customs:
            made.append(customs[name])
        elif name in MANAGED and name != identifier:
            made.append(MANAGED[name])
        elif name != identifier:
            raise NotImplementedHere(f"the data identifier {name}")
        else:
            raise InvalidPolicy(f"{name} is not a valid Data Identifier")
    return made


@lru_cache(maxsize=64)
def compiled(document: str) -> Callable[[str], str]:
    """What masks a message. Raises InvalidPolicy, or NotImplementedHere for what AWS takes and we do not.
    What both statements must have in common was seen of AWS by cdk-preflight (pf-logs-data-protection-…), as were its texts."""
    try:
        said = json.loads(document) if len(document) <= DOCUMENT_MAX else None
    except ValueError:
        said = None
    if isinstance(said, dict) and said.get("Version", VERSION) != VERSION:
        raise InvalidPolicy(f"Policy Version must be {VERSION}")
    statements = said.get("Statement") if isinstance(said, dict) else None
    if not isinstance(statements, list) or len(statements) != 2 or not all(isinstance(each, dict) for each in statements):
        raise InvalidPolicy(TWO_STATEMENTS)
    operations = [each.get("Operation") for each in statements]
    if not all(isinstance(each, dict) for each in operations) or {name for each in operations for name in each} != {"Audit", "Deidentify"}:
        raise InvalidPolicy(TWO_STATEMENTS)
    first, second = (each.get("DataIdentifier") for each in statements)
    if not isinstance(first, list) or not first or first != second:
        raise InvalidPolicy("Audit Statement and Deidentify Statement must have the same Data Identifiers")
    told = {name: value for each in operations for name, value in each.items()}
    mask = told["Deidentify"].get("MaskConfig") if isinstance(told["Deidentify"], dict) else None
    if isinstance(mask, dict) and mask:
        raise InvalidPolicy(f"{next(iter(mask))} is not a valid field")
    if told["Deidentify"] != {"MaskConfig": {}}:
        raise InvalidPolicy("Deidentify must contain an empty MaskConfig.")
    audit = told["Audit"]
    if not isinstance(audit, dict) or not isinstance(audit.get("FindingsDestination"), dict):
        raise InvalidPolicy("Audit must contain a FindingsDestination.")
    if audit["FindingsDestination"]:
        raise NotImplementedHere("destinations of the findings of data protection policies")
    finds = _finds(first, _customs(said))

    def masked(message: str) -> str:
        spans = sorted(span for find in finds for span in find(message))
        if not spans:
            return message
        parts, last = [], 0
        for start, end in spans:
            if end > last:
                start = max(start, last)
                parts += [message[last:start], MASK * (end - start)]
                last = end
        return "".join([*parts, message[last:]])

    return masked
