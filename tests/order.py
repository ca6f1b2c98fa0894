"""What a run of everything begins with and how many workers share it: the longest files first, so that none is left
to one worker while the others are done.
"""

import os

import pytest

# Most of what these take is waiting: for a venue that answers late, for a browser, for processes to start and to die.
LONGEST = (
    "tests/engine/test_faults.py",
    "tests/crash/test_two_engines.py",
    "tests/web/api/test_document.py",
    "tests/crash/test_campaign.py",
    "tests/web/test_journey.py",
    "tests/web/test_builder_journey.py",
    "tests/web/test_chain_journey.py",
    "tests/engine/test_exits.py",
    "tests/web/test_feed_faults.py",
    "tests/engine/test_account_broadcast.py",
    "tests/web/test_interface.py",
    "tests/launcher/test_demo.py",
    "tests/launcher/test_desk.py",
    "tests/web/test_books_journey.py",
    "tests/core/test_link.py",
    "tests/engine/test_peer_faults.py",
    "tests/paper/test_process.py",
    "tests/crash/test_two_webs.py",
    "tests/web/test_watch_journey.py",
    "tests/web/test_chart_journey.py",
    "tests/web/api/test_docs_page.py",
    "tests/web/test_instruments_journey.py",
    "tests/web/test_change_journey.py",
    "tests/web/test_risk_journey.py",
    "tests/engine/test_any_history.py",
    "tests/engine/test_guard.py",
    "tests/engine/test_late_entries.py",
    "tests/engine/test_logins.py",
    "tests/engine/test_stops.py",
    "tests/test_migrations.py",
)
PLACES = {path: place for place, path in enumerate(LONGEST)}


def pytest_xdist_auto_num_workers() -> int:
    """Twice as many as there are cores, since the tests wait half of the time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 2 * cores


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stable: within a file, and among the files not named, everything stays where it was."""
    items.sort(key=lambda item: PLACES.get(item.nodeid.partition("::")[0], len(PLACES)))
