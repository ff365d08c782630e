from __future__ import annotations

import pytest
from policy_modules import Texts, attempt, rule

E, F, G, H = (f"some {name} in input.events" for name in "efgh")
USED = "count([e.id, f.id, g.id]) == 3"
NAMES = "\n".join(f"some n{at} in input.names" for at in range(4))
SAME = "n0 == n1\nn2 == n3"


def message(texts: Texts) -> str:
    """What is said of the cost, or nothing."""
    _, found = attempt(texts)
    assert {item.code for item in found} <= {"E701"}, found
    return found[0].message if found else ""


def lines(*texts: str, **more: object) -> str:
    return message(rule("\n".join(texts), **more))


def test_three_loops_over_items_and_three_over_other_parts_are_fine() -> None:
    assert not lines(E, F, G, USED)
    assert not lines(E, F, NAMES, SAME, "e.id == f.id")


def test_a_loop_too_many_is_refused() -> None:
    assert "4 loops over identified items" in lines(E, F, G, H, USED, 'h.id == "x"')
    assert "7 loops over parts" in lines(E, F, G, NAMES, SAME, USED)


@pytest.mark.parametrize(
    "inside",
    [
        'count([h | some h in input.events; h.id == "x"]) > 1',
        'every h in input.events { h.id != "x" }',
        "count(input.events) > 1",
        "several(e)",
        "not several(e)",
        "count(others(e)) > 1",
    ],
)
def test_loops_count_wherever_they_stand(inside: str) -> None:
    defines = {
        "several(e)": ("some h in input.events\nh.host == e.host",),
        "others(e) := [h | some h in input.events; h.host == e.host]": ("",),
    }

    assert "4 loops" in lines(E, F, G, USED, inside, defines=defines)


def test_a_helper_without_parameters_runs_once_for_an_input() -> None:
    defines = {"hosts contains h.host": (H,)}

    assert not lines(E, F, G, USED, "e.host in hosts", defines=defines)


def test_a_comprehension_is_as_large_as_its_loops() -> None:
    pairs = (
        "pairs := [e | some e in input.events; some f in input.events; e.id == f.id]"
    )

    assert not lines(pairs, "some p in pairs", 'p.id == "x"')
    assert "4 loops" in lines(
        pairs, "some p in pairs", "some q in pairs", "p.id == q.id"
    )


def test_what_a_helper_gives_is_as_large_as_its_arguments_make_it() -> None:
    defines = {"ids(xs) := sort([x.id | some x in xs])": ("",)}
    pairs = "some e in input.events; some f in input.events; e.id == f.id"
    body = f"pairs := ids([e | {pairs}])", "some a in pairs", "some b in pairs"

    assert "4 loops" in lines(*body, "a == b", defines=defines)
    assert not lines(body[0], body[1], 'a == "x"', defines=defines)


def test_parts_of_a_text_count_as_parts_of_the_input() -> None:
    split = [f'some p{at} in split(input.names[0], "")' for at in range(7)]
    same = "count([p0, p1, p2, p3, p4, p5, p6]) == 7"

    assert "7 loops over parts" in lines(*split, same)


def test_loops_over_lists_multiply_their_lengths() -> None:
    loops = "\n".join(f"some {name} in data.words" for name in "abc")
    words = tuple(f"w{number}" for number in range(100))

    assert not lines(loops, "a == b\nb == c", lists={"words": words[:20]})
    assert "more than 1,000,000 steps" in lines(
        loops, "a == b\nb == c", lists={"words": words}
    )


def test_a_list_inside_a_list_counts_by_its_own_length() -> None:
    rows = tuple({"needs": ("a", "b")} for _ in range(900))
    loops = "some row in data.rows\nevery need in row.needs { need in input.names }"

    assert not lines(loops, lists={"rows": rows})


def test_repeated_calls_add_up() -> None:
    heads = {f"h{at}(x)": (f"not h{at + 1}(x)\nh{at + 1}(x)",) for at in range(21)}

    assert "more than 1,000,000 steps" in lines(
        "h0(1)", defines={**heads, "h21(x)": ("x > 1",)}
    )
