"""/metrics: web and engine in one answer, for those alone whom an admin gave the scope."""

import os
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.users.api_tokens import TokenWish
from tests.web.trading import Desk


@pytest.fixture
def scrape(app, services, admin):
    """`scrape("metrics")` asks with a token of these scopes, `person`'s."""

    def ask(*scopes: str, person: str = "Asha"):
        user = services.users.people.named(person)
        _, secret = services.users.keyring.create_token(user.id, TokenWish("prometheus", list(scopes), []))
        return app.test_client().get("/metrics", headers={"Authorization": f"Bearer {secret}"})

    return ask


def values(answer) -> dict[tuple[str, ...], float]:
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    families = text_string_to_metric_families(answer.text)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_it_tells_what_the_rows_say_and_what_the_engine_wrote(scrape, services):
    desk = Desk(services)
    account = desk.account()
    desk.order(account, state="open")
    desk.order(account, state="unknown", unknown_at=desk.now)
    services.pulse.beat("engine")
    file = services.settings.metrics_file
    file.parent.mkdir(exist_ok=True)
    file.write_text('# TYPE mirrordesk_orders counter\nmirrordesk_orders_total{outcome="filled"} 7.0\n')
    told = values(scrape("metrics"))
    assert told["mirrordesk_orders_live", "open"] == 1
    assert told["mirrordesk_orders_unknown_now",] == 1
    assert told["mirrordesk_beat_age_seconds", "engine"] >= 0
    assert told["mirrordesk_orders_total", "filled"] == 7


def test_what_an_engine_wrote_long_ago_is_not_told(scrape, services):
    file = services.settings.metrics_file
    file.parent.mkdir(exist_ok=True)
    file.write_text("mirrordesk_lanes_waiting 3.0\n")
    os.utime(file, (time.time() - 60, time.time() - 60))
    assert ("mirrordesk_lanes_waiting",) not in values(scrape("metrics"))


def test_it_needs_the_scope_and_an_admin_behind_it(scrape, app, invited):
    assert scrape("read", "trade", "manage").status_code == 403
    invited("trader", "Birla")
    assert scrape("metrics", person="Birla").status_code == 403
    stranger = app.test_client().get("/metrics")
    assert stranger.status_code == 401
    assert stranger.json["error"]["code"] == "AUTH_FAILED"
