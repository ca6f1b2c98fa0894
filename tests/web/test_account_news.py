"""Books of accounts on the streams: everything first, then each change once and in order, to those who may see it."""

import pytest

from app.users.api_tokens import TokenWish
from tests.web.books import Books
from tests.web.sse import opened, serving
from tests.web.trading import Desk
from tests.web.ws import connected


@pytest.fixture
def port(app):
    with serving(app) as port:
        yield port


@pytest.fixture
def account(services, admin):
    return Desk(services).account("Demo 1")


@pytest.fixture
def books(services, app):
    """A keeper whose messages reach the web process as they would over the link."""
    made = Books(services)
    made.link.send = app.extensions["live"].hub.take
    return made


def bearer(services, name="Asha"):
    user = services.users.people.named(name)
    _, secret = services.users.keyring.create_token(user.id, TokenWish("bot", ["read"], []))
    return f"Bearer {secret}"


def test_an_accounts_stream_tells_its_books_and_then_each_change_with_the_accounts_number(
    port, services, account, books
):
    other = Desk(services).account("Demo 2")
    books.positions(account, -150)
    with opened(port, f"/api/stream/{account.id}", Authorization=bearer(services)) as stream:
        assert stream.hear().name == "snapshot"
        first = stream.hear()
        assert (first.name, first.data["whole"], first.data["seq"]) == ("account", True, 1)
        assert first.data["parts"]["positions"]["rows"][0]["quantity"] == "-150"
        assert stream.hear().name == "beat"
        books.positions(other, 75)
        books.positions(account, -150)
        books.positions(account, -75)
        told = stream.hear_news()
        assert (told.name, told.data["whole"], told.data["seq"]) == ("account", False, 2)
        assert told.data["parts"]["positions"]["rows"][0]["quantity"] == "-75"


def test_two_sockets_hear_the_same_changes_of_all_accounts_with_the_same_numbers(port, services, account, books):
    header = {"header": [f"Authorization: {bearer(services)}"], "suppress_origin": True}
    books.funds(account, "95000")
    path = "/ws/broadcast"
    with connected(port, path, **header) as one, connected(port, path, **header) as two:
        for program in (one, two):
            first = program.hear("account")["data"]
            assert (first["whole"], first["parts"]["funds"]["rows"][0]["available"]) == (True, "95000")
        for available in ("94000", "94000", "93000"):
            books.funds(account, available)
        heard = [[program.hear("account") for _ in range(2)] for program in (one, two)]
        assert heard[0] == heard[1]
        assert [told["data"]["seq"] for told in heard[0]] == [2, 3]


def test_pages_and_other_people_are_not_told(port, services, admin, invited, account, books):
    invited("trader", "Birla")
    header = {"header": [f"Authorization: {bearer(services, 'Birla')}"], "suppress_origin": True}
    page = f"desk={admin.client.get_cookie('desk').value}"
    with connected(port, "/ws/broadcast", **header) as stranger, opened(port, "/stream", Cookie=page) as stream:
        stranger.hear("beat")
        while stream.hear().name != "beat":
            pass
        books.positions(account, -75)
        hub = books.link.send.__self__
        for owner in (account.owner_id, services.users.people.named("Birla").id):
            hub.take("changed", {"owner": owner, "rooms": ["orders"]})
        assert stranger.hear_news()["type"] == "changed"
        assert stream.hear_news().name == "changed"
