"""When an account's books are read: an order that moves is never slept through."""

from app.engine.attendant import Attendant, Rhythm, Tools
from app.venues.port import StreamState
from tests.execution.conftest import desk  # noqa: F401 - a fixture of the room below


def test_an_order_that_moves_wakes_the_reader_though_it_came_late_to_the_one_before(desk):  # noqa: F811 - the fixture
    rhythm = Rhythm(pending=1.0, idle=30.0)
    tools = Tools(desk.db, desk.intake, None, desk.clock, rhythm, desk.heard.append)
    reader = Attendant(tools, desk.account_id, venue=None, figures=None)
    reader.stream_state = StreamState.LIVE
    reader.figures_moved()
    desk.clock.pass_by(5)  # the thread got the processor only now, and finds nothing pending
    assert reader._remaining() >= 0
    reader._wake.clear()
    reader.figures_moved()
    assert reader._wake.is_set()
    assert 0 < reader._remaining() <= 1.0
