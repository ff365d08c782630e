from __future__ import annotations

from typing import Any

import pytest

from opensoc_env.casting import Cast
from opensoc_env.draws import stream
from opensoc_env.estate import WORLDS, build_estate
from opensoc_env.generator import Stage, craft
from opensoc_env.places import TOWNS, far, home, kilometres, near
from opensoc_env.scenario import load_library
from opensoc_env.templates import ScenarioError

COUNTRIES = sorted(place.country for place in TOWNS.values())


def cast_of(key: str, specs: dict[str, dict[str, Any]]) -> Cast:
    cast = Cast(key, "place", build_estate(key), {})
    cast.draw_all({"who": {"user": "staff"}, **specs}, {})
    return cast


def test_each_site_of_each_world_has_a_town_in_a_country_of_its_own() -> None:
    sites = [site for world in WORLDS.values() for site in world.sites]

    assert set(sites) == set(TOWNS)
    assert len(set(COUNTRIES)) == len(sites)


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("ams", "vie", 937), ("lim", "akl", 10_840), ("hel", "ams", 1_507)],
)
def test_distances_are_those_of_an_atlas(one: str, other: str, distance: int) -> None:
    assert kilometres(TOWNS[one], TOWNS[other]) == pytest.approx(distance, rel=0.01)


@pytest.mark.parametrize("country", COUNTRIES)
def test_near_is_a_drive_and_far_a_flight_of_less_than_a_day(country: str) -> None:
    draw, town = stream(country), home(country)
    drive, flight = near(draw, country), far(draw, country)

    assert 30 < kilometres(town, drive) < 120
    assert 2_500 <= kilometres(town, flight) <= 15_000
    assert (drive.country, flight.country != country) == (country, True)


def test_people_have_two_devices_and_a_country_of_a_site_and_services_none() -> None:
    users = build_estate("key")["users"]
    people = [user for user in users if user["roles"] != ["service"]]
    devices = [device for user in people for device in user["devices"]]

    assert all(set(user["countries"]) <= set(COUNTRIES) for user in people)
    assert len(set(devices)) == 2 * len(people)
    assert not any("devices" in user for user in users if user not in people)


def test_facts_take_the_devices_of_an_account_one_by_one() -> None:
    specs = {"first": {"device": "who"}, "second": {"device": "who"}}
    cast = cast_of("key", specs)
    taken = {cast.facts["first"], cast.facts["second"]}

    assert taken == set(cast.user("who")["devices"])


def test_an_account_without_a_device_left_is_refused() -> None:
    with pytest.raises(ScenarioError, match="no such device left"):
        cast_of("key", {name: {"device": "who"} for name in "abc"})


def test_a_place_lies_where_the_account_usually_is() -> None:
    specs = {how: {"place": {"of": "who", "how": how}} for how in ("home", "near")}
    cast = cast_of("key", specs)
    countries = {cast.facts[how]["country"] for how in specs}

    assert list(countries) == cast.user("who")["countries"]


def test_a_record_of_travel_to_another_country_names_one() -> None:
    travel = next(s for s in load_library().scenarios if s.name == "two-places")
    twists, bare = ("authorised", "wrong_destination"), Stage(1, decoys=0, records=0)
    incident = craft(travel, twists, "key", bare)

    assert incident["context"]["authorisations"][0]["destination"] in COUNTRIES
