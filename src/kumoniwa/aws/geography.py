"""Places as Route 53 names them, countries, continents and states of the USA, and where AWS's regions lie on the globe.

``countries.csv`` says where it comes from. A region is placed in the city or part of the country that AWS names it after.
"""

from __future__ import annotations

import csv
import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

EARTH_RADIUS_KM = 6371.0
ANYWHERE = "*"
"""The country code of the default location."""

CONTINENTS = {
    "AF": "Africa", "AN": "Antarctica", "AS": "Asia", "EU": "Europe", "NA": "North America", "OC": "Oceania", "SA": "South America",
}  # fmt: skip
STATES = {
    "AK": "Alaska", "AL": "Alabama", "AR": "Arkansas", "AZ": "Arizona", "CA": "California", "CO": "Colorado", "CT": "Connecticut",
    "DC": "District of Columbia", "DE": "Delaware", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "IA": "Iowa", "ID": "Idaho",
    "IL": "Illinois", "IN": "Indiana", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "MA": "Massachusetts", "MD": "Maryland",
    "ME": "Maine", "MI": "Michigan", "MN": "Minnesota", "MO": "Missouri", "MS": "Mississippi", "MT": "Montana", "NC": "North Carolina",
    "ND": "North Dakota", "NE": "Nebraska", "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico", "NV": "Nevada",
    "NY": "New York", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island",
    "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VA": "Virginia", "VT": "Vermont",
    "WA": "Washington", "WI": "Wisconsin", "WV": "West Virginia", "WY": "Wyoming",
}  # fmt: skip
SUBDIVIDED = "US"
"""The country whose parts Route 53 tells apart."""

Point = tuple[float, float]
"""Latitude and longitude, degrees."""


class Site(NamedTuple):
    country: str
    state: str
    """Of the USA; empty elsewhere."""
    point: Point


class Country(NamedTuple):
    code: str
    name: str
    continent: str
    point: Point


_REGIONS = {
    "af-south-1": Site("ZA", "", (-33.93, 18.42)), "ap-east-1": Site("HK", "", (22.28, 114.16)),
    "ap-east-2": Site("TW", "", (25.05, 121.53)), "ap-northeast-1": Site("JP", "", (35.69, 139.69)),
    "ap-northeast-2": Site("KR", "", (37.57, 126.98)), "ap-northeast-3": Site("JP", "", (34.69, 135.50)),
    "ap-south-1": Site("IN", "", (19.07, 72.88)), "ap-south-2": Site("IN", "", (17.38, 78.46)),
    "ap-southeast-1": Site("SG", "", (1.29, 103.85)), "ap-southeast-2": Site("AU", "", (-33.87, 151.21)),
    "ap-southeast-3": Site("ID", "", (-6.21, 106.85)), "ap-southeast-4": Site("AU", "", (-37.81, 144.96)),
    "ap-southeast-5": Site("MY", "", (3.14, 101.69)), "ap-southeast-6": Site("NZ", "", (-36.85, 174.76)),
    "ap-southeast-7": Site("TH", "", (13.75, 100.50)), "ca-central-1": Site("CA", "", (45.51, -73.59)),
    "ca-west-1": Site("CA", "", (51.05, -114.09)), "cn-north-1": Site("CN", "", (39.91, 116.40)),
    "cn-northwest-1": Site("CN", "", (37.50, 105.20)), "eu-central-1": Site("DE", "", (50.12, 8.68)),
    "eu-central-2": Site("CH", "", (47.37, 8.55)), "eu-north-1": Site("SE", "", (59.33, 18.07)),
    "eu-south-1": Site("IT", "", (45.46, 9.19)), "eu-south-2": Site("ES", "", (41.65, -0.88)),
    "eu-west-1": Site("IE", "", (53.33, -6.25)), "eu-west-2": Site("GB", "", (51.51, -0.13)),
    "eu-west-3": Site("FR", "", (48.85, 2.35)), "il-central-1": Site("IL", "", (32.08, 34.78)),
    "me-central-1": Site("AE", "", (24.45, 54.38)), "me-south-1": Site("BH", "", (26.23, 50.59)),
    "mx-central-1": Site("MX", "", (20.59, -100.39)), "sa-east-1": Site("BR", "", (-23.55, -46.64)),
    "us-east-1": Site("US", "VA", (38.95, -77.45)), "us-east-2": Site("US", "OH", (40.10, -83.11)),
    "us-gov-east-1": Site("US", "OH", (40.10, -83.11)), "us-gov-west-1": Site("US", "OR", (45.84, -119.70)),
    "us-west-1": Site("US", "CA", (37.35, -121.96)), "us-west-2": Site("US", "OR", (45.84, -119.70)),
}  # fmt: skip


@cache
def countries() -> dict[str, Country]:
    text = Path(__file__).with_name("countries.csv").read_text()
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        row["code"]: Country(row["code"], row["name"], row["continent"], (float(row["latitude"]), float(row["longitude"]))) for row in rows
    }


def site_of(region: str) -> Site | None:
    """Where a region lies; None for one that is not in the table."""
    return _REGIONS.get(region)


def nearest(point: Point) -> str:
    """The commercial region that lies nearest."""
    return min((name for name in _REGIONS if not name.startswith(("us-gov", "cn-"))), key=lambda name: distance_km(point, _REGIONS[name].point))


def distance_km(one: Point, other: Point) -> float:
    """Over the globe's surface."""
    (lat1, long1), (lat2, long2) = ((math.radians(x), math.radians(y)) for x, y in (one, other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((long2 - long1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half)))


# Locations as Route 53 spells them: {"ContinentCode"} or {"CountryCode", "SubdivisionCode"?} --------------------


def is_known(location: dict[str, str]) -> bool:
    continent, country, state = (location.get(name) for name in ("ContinentCode", "CountryCode", "SubdivisionCode"))
    if continent is not None:
        return country is None and state is None and continent in CONTINENTS
    if state is not None:
        return country == SUBDIVIDED and state in STATES
    return country == ANYWHERE or country in countries()


def spelled(location: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in location.items())


def described(location: dict[str, str]) -> str:
    """``[continent = (NA, North America)]``, as Route 53 writes a location in its refusals."""
    details = detailed(location)
    said = [
        f"{name} = ({details[f'{name.capitalize()}Code']}, {details[f'{name.capitalize()}Name']})"
        for name in ("continent", "country", "subdivision") if f"{name.capitalize()}Code" in details
    ]  # fmt: skip
    return f"[{', '.join(said)}]"


def detailed(location: dict[str, str]) -> dict[str, str]:
    """A known location with the names of its codes, as GetGeoLocation answers."""
    if "ContinentCode" in location:
        return {"ContinentCode": location["ContinentCode"], "ContinentName": CONTINENTS[location["ContinentCode"]]}
    code = location["CountryCode"]
    details = {"CountryCode": code, "CountryName": "Default" if code == ANYWHERE else countries()[code].name}
    if "SubdivisionCode" in location:
        state = location["SubdivisionCode"]
        details |= {"SubdivisionCode": state, "SubdivisionName": STATES[state]}
    return details


@cache
def locations() -> tuple[dict[str, str], ...]:
    """All that Route 53 tells apart: the default, continents, countries, each followed by its parts."""
    found: list[dict[str, str]] = [{"CountryCode": ANYWHERE}]
    found += [{"ContinentCode": code} for code in sorted(CONTINENTS)]
    for code in sorted(countries()):
        found.append({"CountryCode": code})
        if code == SUBDIVIDED:
            found += [{"CountryCode": code, "SubdivisionCode": state} for state in sorted(STATES)]
    return tuple(found)
