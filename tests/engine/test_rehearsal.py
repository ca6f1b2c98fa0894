"""The rehearsal of a run leaves nothing behind and sends nothing."""

from sqlalchemy import func, select

from app.execution.models import Intent, Order, OrderEvent
from app.strategies.models import AccountRun, Run, Strategy
from tests.engine.desks import TestDesk
from tests.paper.running import PaperServer


def test_a_rehearsal_leaves_nothing_behind_and_sends_nothing(tmp_path, capsys):
    with PaperServer([{"name": "b1", "mode": "live"}], start="now") as paper:
        desk = TestDesk(tmp_path, paper)
        try:
            desk.start()
            before = counts(desk)
            desk.engine.runs.rehearse()
            assert counts(desk) == before
            assert paper.books("b1")["orders"] == []
            assert "rehearsal_failed" not in capsys.readouterr().out
        finally:
            desk.stop()


def counts(desk):
    with desk.services.db.read() as session:
        tables = (Strategy, Run, AccountRun, Intent, Order, OrderEvent)
        return [session.scalar(select(func.count()).select_from(table)) for table in tables]
