"""The locations by which geolocation records route, as Route 53 lists them."""

from __future__ import annotations

from typing import Any

from kumoniwa.aws import geography
from kumoniwa.kernel.call import Call
from kumoniwa.services.route53 import page
from kumoniwa.services.route53.errors import InvalidInput, NoSuchGeoLocation

_MEMBERS = ("ContinentCode", "CountryCode", "SubdivisionCode")


def _asked(*codes: str | None) -> dict[str, str]:
    return {member: code for member, code in zip(_MEMBERS, codes) if code}


def GetGeoLocation(
    call: Call, *, ContinentCode: str | None = None, CountryCode: str | None = None, SubdivisionCode: str | None = None
) -> dict:
    location = _asked(ContinentCode, CountryCode, SubdivisionCode)
    if not location:
        raise InvalidInput("The GetGeoLocation request must specify a ContinentCode or a CountryCode.")
    if not geography.is_known(location):
        raise NoSuchGeoLocation(f"The specified geolocation was not found: {geography.spelled(location)}")
    return {"GeoLocationDetails": geography.detailed(location)}


def ListGeoLocations(
    call: Call,
    *,
    StartContinentCode: str | None = None,
    StartCountryCode: str | None = None,
    StartSubdivisionCode: str | None = None,
    MaxItems: str | None = None,
) -> dict:
    start, count, found = _asked(StartContinentCode, StartCountryCode, StartSubdivisionCode), page.items(MaxItems), geography.locations()
    if start and start not in found:
        raise InvalidInput(f"The specified geolocation was not found: {geography.spelled(start)}")
    first = found.index(start) if start else 0
    reply: dict[str, Any] = {
        "GeoLocationDetailsList": [geography.detailed(each) for each in found[first : first + count]],
        "IsTruncated": first + count < len(found),
        "MaxItems": str(count),
    }
    if reply["IsTruncated"]:
        reply |= {f"Next{member}": code for member, code in found[first + count].items()}
    return reply
