"""Points in time as AWS writes them: inside Kumoniwa always float seconds since 1970, on the wire one of three texts.

Each format is a function both ways, so that a codec picks it once, when it is compiled.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from kumoniwa.kernel.clock import epoch_of, milliseconds

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
EARLIEST_S, LATEST_S = -62135596800.0, 253402300800.0
"""The years 1 and 10000: nothing before the one, or at or after the other, can be written."""

ISO = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:[Tt ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?(?:[Zz]|([+-])(\d\d):?(\d\d))?\Z",
    re.ASCII,
)
NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?(?:[eE][+-]?\d{1,2})?\Z", re.ASCII)


def _fraction(seconds: float) -> tuple[int, str]:
    """Whole seconds and, if there are any, milliseconds as ``.123``."""
    whole, rest = divmod(milliseconds(seconds), 1000)
    return whole, f".{rest:03d}" if rest else ""


@lru_cache(4096)
def iso8601(seconds: float) -> str:
    whole, fraction = _fraction(seconds)
    at = time.gmtime(whole)
    return f"{at[0]:04d}-{at[1]:02d}-{at[2]:02d}T{at[3]:02d}:{at[4]:02d}:{at[5]:02d}{fraction}Z"


@lru_cache(4096)
def _of_second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def to_second(seconds: float) -> str:
    """ISO 8601 without a fraction: what there is of one is cut off."""
    return _of_second(milliseconds(seconds) // 1000)


def to_millisecond(seconds: float) -> str:
    """ISO 8601 with three digits after the point, also where they are noughts."""
    whole, rest = divmod(milliseconds(seconds), 1000)
    return f"{_of_second(whole)[:-1]}.{rest:03d}Z"


def to_millisecond_with_offset(seconds: float) -> str:
    """The same as CloudWatch's alarms and Lambda write it: ``2030-01-01T00:00:00.000+0000``."""
    return to_millisecond(seconds)[:-1] + "+0000"


@lru_cache(4096)
def rfc822(seconds: float) -> str:
    whole, fraction = _fraction(seconds)
    at = time.gmtime(whole)
    day, month = DAYS[at[6]], MONTHS[at[1]]
    return f"{day}, {at[2]:02d} {month} {at[0]:04d} {at[3]:02d}:{at[4]:02d}:{at[5]:02d}{fraction} GMT"


def pacific(seconds: float) -> str:
    """As Java prints a moment where S3 was written: ``Tue Dec 31 16:00:00 PST 2019``."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - to find its files it reads how Python was built: half a mebibyte, for a date that is rare

    return datetime.fromtimestamp(seconds, ZoneInfo("America/Los_Angeles")).strftime("%a %b %d %H:%M:%S %Z %Y")


def medium(seconds: float) -> str:
    """As Java writes a moment in American English, where CodeBuild and Systems Manager tell of it: ``Sep 1, 2017 4:12:29 PM``."""
    at = time.gmtime(milliseconds(seconds) // 1000)
    return f"{MONTHS[at[1]]} {at[2]}, {at[0]} {at[3] % 12 or 12}:{at[4]:02d}:{at[5]:02d} {'PM' if at[3] >= 12 else 'AM'}"


def epoch(seconds: float) -> int | float:
    """AWS counts milliseconds; whole seconds carry no fraction."""
    counted = milliseconds(seconds)
    return counted / 1000 if counted % 1000 else counted // 1000


def epoch_with_fraction(seconds: float) -> float:
    """Whole seconds end in ``.0``."""
    return milliseconds(seconds) / 1000


def parsed(value: str | int | float) -> float:
    """Seconds of any of AWS's formats; ``ValueError`` for anything else. AWS reads liberally, so do we."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _bounded(float(value))
    if not isinstance(value, str) or len(value) > 64:
        raise ValueError("not a timestamp")
    if found := ISO.match(value):
        year, month, day, hour, minute, second, fraction, sign, off_hours, off_minutes = found.groups()
        month, day, hour, minute, second = (
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
        )
        if not (1 <= month <= 12 and 1 <= day <= 31 and hour <= 24 and minute <= 59 and second <= 60):
            raise ValueError("no such date")
        seconds = epoch_of(int(year), month, day, hour, minute, second)
        if sign:
            offset = int(off_hours) * 3600 + int(off_minutes) * 60
            seconds -= offset if sign == "+" else -offset
        return _bounded(seconds + (float(f"0.{fraction}") if fraction else 0.0))
    if NUMBER.match(value):
        return _bounded(float(value))
    # A fraction of a second in an HTTP date is Smithy's extension, which email.utils does not know.
    whole, dot, rest = value.partition(".")
    fraction, _, zone = rest.partition(" ")
    if dot and not fraction.isdigit():
        raise ValueError("not a timestamp")
    from email.utils import parsedate_tz  # noqa: PLC0415 - a mebibyte in every region, for a header that is rare

    fields = parsedate_tz(f"{whole} {zone}" if dot else value)
    if fields is None:
        raise ValueError("not a timestamp")
    return _bounded(epoch_of(*fields[:6]) - (fields[9] or 0) + (float(f"0.{fraction}") if dot else 0.0))


def _bounded(seconds: float) -> float:
    if not math.isfinite(seconds) or not EARLIEST_S <= seconds < LATEST_S:
        raise ValueError("out of the range of a timestamp")
    return float(seconds)


FORMATS: dict[str, Callable[[float], str | int | float]] = {
    "iso8601": iso8601,
    "iso8601.000": to_millisecond,
    "rfc822": rfc822,
    "unixTimestamp": epoch,
}


def text_format(name: str) -> Callable[[float], str]:
    """The writer of a format, always as text."""
    write = FORMATS[name]
    return (lambda seconds: str(epoch(seconds))) if write is epoch else write  # type: ignore[return-value]
