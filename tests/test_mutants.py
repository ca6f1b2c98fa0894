"""The list of deliberate breakages stays true to the code; breaking it is `python -m tests.mutants`."""

from tests.mutants.__main__ import ALL
from tests.mutants.breakage import ROOT


def test_every_breakage_still_finds_its_text():
    assert not [f"{mutant.file}: {mutant.old}" for mutant in ALL if not mutant.is_applicable]


def test_every_breakage_changes_something_and_is_looked_for_by_tests_that_exist():
    assert len(ALL) >= 40
    for mutant in ALL:
        assert mutant.old != mutant.new
        assert all((ROOT / test).is_file() for test in mutant.tests)
