"""Where people and addresses are: one town a country, and how far apart two are.

Every site of an estate has a town here, so that an account has a usual country and a
scenario can draw a place near it or far away. Coordinates are of the towns themselves,
to two decimals, as look-up services for addresses give them.
"""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from random import Random

FAR_KILOMETRES = (2500, 15000)
"""Distances of a place that is far: out of reach in an hour, within reach in a day."""

_RADIUS = 6371.01
# Of latitude: 30 to 110 km, a drive.
_DRIVE = (0.3, 1.0)


class Place(NamedTuple):
    """A point in a country, in degrees north and east."""

    country: str
    lat: float
    lon: float


TOWNS = {
    "ams": Place("NL", 52.37, 4.90),
    "bcn": Place("ES", 41.39, 2.17),
    "cph": Place("DK", 55.68, 12.57),
    "dub": Place("IE", 53.35, -6.26),
    "fra": Place("DE", 50.11, 8.68),
    "gva": Place("CH", 46.20, 6.14),
    "hel": Place("FI", 60.17, 24.94),
    "lis": Place("PT", 38.72, -9.14),
    "mil": Place("IT", 45.46, 9.19),
    "osl": Place("NO", 59.91, 10.75),
    "vie": Place("AT", 48.21, 16.37),
    "akl": Place("NZ", -36.85, 174.76),
    "bog": Place("CO", 4.71, -74.07),
    "cpt": Place("ZA", -33.92, 18.42),
    "dar": Place("TZ", -6.79, 39.21),
    "han": Place("VN", 21.03, 105.85),
    "lim": Place("PE", -12.05, -77.04),
    "mnl": Place("PH", 14.60, 120.98),
    "nbo": Place("KE", -1.29, 36.82),
    "pnh": Place("KH", 11.56, 104.92),
    "scl": Place("CL", -33.45, -70.67),
    "tun": Place("TN", 36.81, 10.18),
}
"""The town of each site, by its code."""

_OF_COUNTRY = {place.country: place for place in TOWNS.values()}


def home(country: str) -> Place:
    """The town of a country."""
    return _OF_COUNTRY[country]


def near(draw: Random, country: str) -> Place:
    """A place in a country that is a drive away from its town."""
    town, away = home(country), draw.uniform(*_DRIVE)
    return town._replace(lat=round(town.lat + away, 2))


def far(draw: Random, country: str) -> Place:
    """A town of another country that is far from a country's."""
    town = home(country)
    least, most = FAR_KILOMETRES
    found = [p for p in TOWNS.values() if least <= kilometres(town, p) <= most]
    return draw.choice(found)


def kilometres(one: Place, other: Place) -> float:
    """How far apart two places are along the surface.

    >>> round(kilometres(TOWNS["ams"], TOWNS["vie"]))
    937
    """
    north, east = radians(one.lat - other.lat), radians(one.lon - other.lon)
    across = cos(radians(one.lat)) * cos(radians(other.lat)) * sin(east / 2) ** 2
    return 2 * _RADIUS * asin(sqrt(sin(north / 2) ** 2 + across))


def is_country(text: str) -> bool:
    """True for a country that has a town here."""
    return text in _OF_COUNTRY
