"""The page as Streamlit runs it, without a browser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="needs the app extra")

from streamlit.testing.v1 import AppTest

ENTRY = str(Path(__file__).parents[2] / "app_streamlit.py")


@pytest.fixture
def page() -> AppTest:
    return AppTest.from_file(ENTRY, default_timeout=60).run()


def score(page: AppTest, row: int) -> list[str]:
    return [str(value) for value in page.table[0].value.iloc[row].tolist()]


def test_the_first_page_shows_an_incident(page: AppTest) -> None:
    titles = [item.value for item in page.subheader]

    assert not page.exception
    assert titles == [
        "Running score",
        "Alert",
        "Log window",
        "What the estate says",
        "Answers",
        "Verdict",
    ]
    assert score(page, 0)[1] == "1"


def test_next_incident_shows_another_and_counts_it(page: AppTest) -> None:
    before = [item.value for item in page.get("html")]
    page.button("next").click().run()
    page.button("next").click().run()

    assert not page.exception
    assert [item.value for item in page.get("html")] != before
    assert score(page, 0)[1] == "3"


def test_changing_a_side_starts_a_new_score(page: AppTest) -> None:
    page.button("next").click().run()
    page.selectbox("after").select("Dismiss everything").run()

    assert not page.exception
    assert score(page, 1)[:2] == ["Dismiss everything", "1"]


def test_the_pages_are_imported_without_what_only_the_server_needs() -> None:
    heavy = "print({'openenv', 'fastapi', 'uvicorn'} & set(sys.modules))"
    command = [sys.executable, "-c", f"import sys, opensoc_app.pages; {heavy}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)

    assert told.stdout == "set()\n"
