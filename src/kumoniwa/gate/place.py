"""Where clients are: a small table from subnets to countries and regions, which the user may replace by a file.

There is no map of the world's addresses here, and nothing is guessed: an address outside the table has no place, and is answered
as Route 53 answers addresses it cannot locate, by the default record. What the table holds of its own accord:

| subnets | where |
|---|---|
| ``127.1.N.0/24`` | the N-th region's own loopback addresses: a client inside that region |
| ``192.0.2.0/24``, ``2001:db8:1::/48`` | United States, Virginia, at us-east-1 (documentation addresses, RFC 5737 and RFC 3849) |
| ``198.51.100.0/24``, ``2001:db8:2::/48`` | Germany, at eu-central-1 |
| ``203.0.113.0/24``, ``2001:db8:3::/48`` | Japan, at ap-northeast-1 |

A file (``--places``) has lines ``subnet,country,state,region``, the last two optional: two-letter codes as Route 53 spells them, and
the region whose measured round trips stand for the client's. Without a region it is the one nearest to the country's capital.
"""

from __future__ import annotations

import csv
import ipaddress
from pathlib import Path
from typing import Any, NamedTuple

from kumoniwa.aws import geography, regions

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

DOCUMENTATION = """\
192.0.2.0/24,US,VA,us-east-1
2001:db8:1::/48,US,VA,us-east-1
198.51.100.0/24,DE,,eu-central-1
2001:db8:2::/48,DE,,eu-central-1
203.0.113.0/24,JP,,ap-northeast-1
2001:db8:3::/48,JP,,ap-northeast-1
"""


class Place(NamedTuple):
    continent: str
    country: str
    state: str
    point: geography.Point
    region: str
    prefix: int
    """How many bits of an address decided."""


class Client(NamedTuple):
    """Who asks: as many bits of the address as are known, and where that is."""

    address: Address | None
    prefix: int
    place: Place | None


NOBODY = Client(None, 0, None)


class Places:
    """A table of subnets; the longest that holds an address decides."""

    def __init__(self, path: str = "") -> None:
        """Raises ValueError, with the line, for a file that is no such table."""
        self._held: dict[int, dict[int, dict[int, Place]]] = {4: {}, 6: {}}
        for region in regions.regions():
            site = geography.site_of(region.code)
            if site is not None:
                subnet = ipaddress.ip_network(f"{regions.loopback(region.code)}/24", strict=False)
                self._put(subnet, site.country, site.state, region.code)
        for line, row in enumerate(csv.reader((Path(path).read_text() if path else DOCUMENTATION).splitlines()), 1):
            if row and row[0].strip() and not row[0].startswith("#"):
                self._read(line, [cell.strip() for cell in row])

    def _read(self, line: int, row: list[str]) -> None:
        subnet, country, state, region = [*row, "", "", ""][:4]
        location = {"CountryCode": country} | ({"SubdivisionCode": state} if state and country == geography.SUBDIVIDED else {})
        if country == geography.ANYWHERE or not geography.is_known(location):
            raise ValueError(f"line {line}: Route 53 knows no location {geography.spelled(location)}")
        if region and geography.site_of(region) is None:
            raise ValueError(f"line {line}: there is no region {region}")
        try:
            self._put(ipaddress.ip_network(subnet), country, state, region)
        except ValueError as error:
            raise ValueError(f"line {line}: {error}") from None

    def _put(self, subnet: ipaddress.IPv4Network | ipaddress.IPv6Network, country: str, state: str, region: str) -> None:
        held = geography.countries()[country]
        region = region or geography.nearest(held.point)
        site = geography.site_of(region)
        point = site.point if site.country == country else held.point
        place = Place(held.continent, country, state, point, region, subnet.prefixlen)
        self._held[subnet.version].setdefault(subnet.prefixlen, {})[int(subnet.network_address)] = place

    def client(self, address: Address, prefix: int | None = None) -> Client:
        """Who asks from an address of which only the first ``prefix`` bits are known."""
        bits = address.max_prefixlen
        prefix = bits if prefix is None else prefix
        tables, number = self._held[address.version], int(address)
        for length in sorted(tables, reverse=True):
            if length <= prefix:
                place = tables[length].get(number >> (bits - length) << (bits - length))
                if place is not None:
                    return Client(address, prefix, place)
        return Client(address, prefix, None)

    def named(self, address: str) -> tuple[str, str]:
        """Country and state of an address that somebody wrote, empty where nobody knows."""
        try:
            place = self.client(ipaddress.ip_address(address)).place
        except ValueError:
            place = None
        return (place.country, place.state) if place is not None else ("", "")


def named(home: Any, address: str) -> tuple[str, str]:
    """The same, by the table that a region goes by."""
    places = home.memory.get(("gate", Places))
    if places is None:
        places = home.memory["gate", Places] = Places(home.settings.places)
    return places.named(address)
