"""Schedules over the API."""

from tests.web.test_schedule import IN_UNITS, LEG, scheduled
from tests.web.trading import Desk


def test_a_schedule_is_armed_shown_and_disarmed(person, services):
    services.instruments.seed()
    desk = Desk(services)
    path = f"/api/v1/strategies/{scheduled(desk, desk.account())}"
    armed = person.post(f"{path}/arm", {"version": 1})
    assert (armed["armed_by"], armed["accounts"], armed["legs"], armed["lots"]) == ("Asha", 1, 1, 4)
    assert (armed["next"]["slot"], armed["next"]["skip"]) == ("09:20", "")
    assert armed["next"]["leaves_at"] and armed["next"] in armed["coming"]
    assert person.get(f"{path}/schedule") == armed
    assert person.get(path)["schedule"]["entries"] == ["09:20:00"]
    assert person.post(f"{path}/arm", {"version": 2}, status=409)["error"]["code"] == "DENIED"
    assert person.post(f"{path}/disarm", {})["armed_at"] is None
    assert person.get(path)["armed_at"] is None


def test_only_legs_in_lots_count_as_lots(person, services):
    services.instruments.seed()
    desk = Desk(services)
    path = f"/api/v1/strategies/{scheduled(desk, desk.account(), legs=[LEG, IN_UNITS])}"
    armed = person.post(f"{path}/arm", {"version": 1})
    assert (armed["armed_by"], armed["legs"], armed["lots"]) == ("Asha", 2, 4)
    assert person.get(f"{path}/schedule") == armed
    assert person.post(f"{path}/disarm", {})["armed_at"] is None


def test_who_is_ready_is_not_known_before_somebody_looked(person):
    person.get("/api/v1/readiness", 404)
    assert person.post("/api/v1/readiness?wait=0", {}, status=202)["kind"] == "check_ready"
