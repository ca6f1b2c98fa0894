"""The OpenAlgo venue against the paper broker."""

import pytest

from tests.paper.running import PaperServer
from tests.venues.conformance import VenueConformance
from tests.venues.openalgo.paper import PaperControl, open_venue


@pytest.fixture(scope="module")
def paper():
    with PaperServer([{"name": "zerodha"}], step_ms=100) as running:
        yield running


@pytest.fixture
def control(paper):
    return PaperControl(paper, "zerodha")


@pytest.fixture
def venue(paper):
    opened = open_venue(paper["zerodha"])
    yield opened
    opened.close()


class TestOpenAlgo(VenueConformance):
    """Every test of the suite."""
