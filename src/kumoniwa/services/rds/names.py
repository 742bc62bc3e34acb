"""How things are called: what may be a name, and what windows of time look like.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html, …/UserGuide/CHAP_Limits.html#RDS_Limits.Constraints
"""

from __future__ import annotations

import re

from kumoniwa.services.rds.engine import Engine
from kumoniwa.services.rds.errors import InvalidParameterValue

_IDENTIFIER = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9])*")
_USER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"(\d\d):(\d\d)")
_DAY_MIN, _WEEK_MIN = 1_440, 10_080


def identifier(text: str, parameter: str, most: int) -> str:
    """A name in small letters, as which RDS keeps it. Raises InvalidParameterValue."""
    if not text:
        raise InvalidParameterValue(f"The parameter {parameter} must be provided and must not be blank.")
    if len(text) > most:
        raise InvalidParameterValue(f"The parameter {parameter} is not a valid identifier because it is longer than {most} characters.")
    if not _IDENTIFIER.fullmatch(text):
        if parameter.endswith("SnapshotIdentifier") and not text[0].isalpha():
            raise InvalidParameterValue(f"Invalid snapshot identifier:  {text}")
        raise InvalidParameterValue(
            f"The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, "
            "digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
        )
    return text.lower()


def check_user(engine: Engine, name: str | None) -> str:
    """A master user's name. The texts for missing and reserved ones were seen of AWS."""
    if not name:
        raise InvalidParameterValue("The parameter MasterUsername must be provided and must not be blank.")
    if not _USER.fullmatch(name) or len(name) > engine.user_most:
        raise InvalidParameterValue(
            "The parameter MasterUsername is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, "
            f"and underscores; and must not be longer than {engine.user_most} characters."
        )
    if name.lower() in engine.reserved_users or name.lower().startswith(engine.reserved_user_prefixes):
        raise InvalidParameterValue(f"MasterUsername {name} cannot be used as it is a reserved word used by the engine")
    return name


def check_password(engine: Engine, text: str | None) -> str:
    """From 8 printable ASCII characters. The texts were seen of AWS."""
    if not text:
        raise InvalidParameterValue("The parameter MasterUserPassword must be provided and must not be blank.")
    if len(text) < 8:
        raise InvalidParameterValue("The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.")
    if len(text) > engine.password_most:
        raise InvalidParameterValue(
            f"The parameter MasterUserPassword is not a valid password because it is longer than {engine.password_most} characters."
        )
    if not all("!" <= each <= "~" and each not in '/@"' for each in text):
        raise InvalidParameterValue(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used."
        )
    return text


def check_database(engine: Engine, name: str) -> str:
    if not _DATABASE.fullmatch(name) or len(name) > engine.database_most:
        raise InvalidParameterValue(f"DBName must begin with a letter and contain only alphanumeric characters: {name}")
    if name.lower() in engine.reserved_databases or name.lower().startswith(engine.reserved_database_prefixes):
        raise InvalidParameterValue(f"Database name {name} cannot be used as it is a reserved word used by the engine")
    return name


# Windows -------------------------------------------------------------------------------------------


def _minute(text: str) -> int | None:
    found = _CLOCK.fullmatch(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        return None
    return int(found[1]) * 60 + int(found[2])


def backup_window(text: str) -> tuple[int, int]:
    """From which minute of a day to which, the second perhaps on the next."""
    parts = [_minute(part) for part in text.split("-")]
    if len(parts) != 2 or None in parts:
        raise InvalidParameterValue(
            f"Invalid backup window format: {text}. Should be specified as a range hh24:mi-hh24:mi (24H Clock UTC). Example: 04:00-04:30"
        )
    begin, end = parts
    length = (end - begin) % _DAY_MIN  # type: ignore[operator]
    if length < 30:
        raise InvalidParameterValue("The backup window must be at least 30 minutes.")
    return begin, begin + length  # type: ignore[return-value, operator]


def maintenance_window(text: str) -> tuple[int, int]:
    """From which minute of a week to which."""
    found = []
    for part in text.split("-"):
        day, _, clock = part.partition(":")
        minute = _minute(clock)
        if minute is None and clock:
            raise InvalidParameterValue(f"Invalid day:hour:minute value: {part}")
        if day.lower() not in _DAYS or minute is None:
            break
        found.append(_DAYS.index(day.lower()) * _DAY_MIN + minute)
    if len(found) != 2:
        raise InvalidParameterValue(
            f"Invalid maintenance window format: {text}. Should be specified as a range ddd:hh24:mi-ddd:hh24:mi (24H Clock UTC). "
            "Example: Sun:23:45-Mon:00:15"
        )
    length = (found[1] - found[0]) % _WEEK_MIN
    if length >= _DAY_MIN:
        raise InvalidParameterValue("Maintenance window must be less than 24 hours.")
    if length < 30:
        raise InvalidParameterValue("The maintenance window must be at least 30 minutes.")
    return found[0], found[0] + length


def check_apart(backup: str, maintenance: str) -> None:
    begin, end = maintenance_window(maintenance)
    first, last = backup_window(backup)
    for day in range(-1, 9):
        if first + day * _DAY_MIN < end and begin < last + day * _DAY_MIN:
            raise InvalidParameterValue("The backup window and maintenance window must not overlap.")
