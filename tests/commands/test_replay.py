"""Replays from the command line: the recorded days of a user, and a strategy played over one of them."""

import json

import pytest

from app.cli import main
from app.commands.setup import services_of
from app.core.actors import Actor, acting
from app.replays.recordings import Flushed, RecordingWish
from app.strategies.legs import Draft
from app.users.door import Visitor
from config import load
from tests.databases import lay_tables
from tests.replays.tapes import CALL, SELL_CALL, SELL_PUT, SPOT, contracts, record, ticks

PASSWORD = "correct horse battery staple"


@pytest.fixture
def day(instance) -> str:
    """The id of a recorded day of a desk with one strategy."""
    settings = load()
    lay_tables(settings.database_url)
    with services_of(settings) as services:
        services.instruments.seed()
        with services.db.write() as session:
            session.add_all(contracts())
        user = services.users.door.found("Asha", PASSWORD, Visitor("127.0.0.1", "tests")).user
        with acting(Actor(user.id, user.name)):
            written = {"name": "Short", "legs": [SELL_CALL, SELL_PUT], "limits": {"stop": {"value": "1000"}}}
            services.strategies.create(user.id, Draft.model_validate(written))
            recording_id = services.recordings.begin(user.id, RecordingWish(symbols=[str(SPOT), str(CALL)]))
            services.recordings.end(user.id, recording_id)
        quotes = ticks([(24_000, 100 + max(0, n - 10), 100) for n in range(60)])
        record(services.recordings.folder(services.recordings.get(user.id, recording_id)), quotes)
        ends = (quotes[0].received_at, quotes[-1].received_at)
        services.recordings.add(recording_id, Flushed(len(quotes), 3, 0, 1, *ends))
    return recording_id


def test_a_strategy_is_played_and_its_journal_printed(day, capsys):
    assert main(["recordings", "--user", "Asha"]) == 0
    assert f"{day}  " in (listed := capsys.readouterr().out) and "180 ticks" in listed
    asked = ["replay", "--user", "Asha", "--strategy", "Short", "--recording", day]
    assert main([*asked, "--slippage", "0.5"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["rule"] for line in lines if line["what"] == "risk"] == ["stop"]
    assert {line["price"] for line in lines if line["what"] == "fill"} >= {"99.45"}
    with services_of(load()) as services:
        owner_id = services.users.people.named("Asha").id
        (row,) = services.replays.list(owner_id)
        assert (row.state, row.progress, row.name) == ("done", 100, "Short")
        assert "Simulated" in services.replays.journal(owner_id, row.id).decode()


def test_what_cannot_be_played_is_said_and_nothing_is_kept(day, capsys):
    for asked, sentence in (
        (["--strategy", "Long"], "There is no strategy 'Long'."),
        (["--strategy", "Short", "--recording", "0"], "There is no such recording."),
        (["--strategy", "Short", "--tape", "synthetic"], "Say when the synthetic day begins."),
    ):
        assert main(["replay", "--user", "Asha", "--recording", day, *asked]) == 1
        assert sentence in capsys.readouterr().err
    with services_of(load()) as services:
        assert services.replays.list(services.users.people.named("Asha").id) == []
