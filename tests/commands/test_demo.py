"""What the demo is made of, by its commands."""

import json
import sys
from subprocess import run

import pytest

from app.commands.setup import services_of
from app.users.door import Visitor
from config import load
from tests.commands.running import ROOT, command

VISITOR = Visitor("127.0.0.1", "tests")


@pytest.fixture
def config(desk):
    done = command("paper-config")
    assert (done.returncode, done.stderr) == (0, "")
    path = desk / "paper.json"
    path.write_text(done.stdout)
    return path


def test_the_brokers_have_keys_and_ports_of_their_own(config):
    brokers = json.loads(config.read_text())["brokers"]
    assert len(brokers) == 3
    ports = [broker[name] for broker in brokers for name in ("rest_port", "ws_port")]
    assert len(set(ports)) == 6
    assert len({broker["api_key"] for broker in brokers}) == 3


def test_the_desk_is_not_loaded_for_the_brokers():
    loaded = "import sys, app.commands.brokers; print('app.wiring' in sys.modules, 'sqlalchemy' in sys.modules)"
    done = run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_made_twice_it_is_there_once_and_the_accounts_follow_their_brokers(desk, config):
    first = command("demo-data", "--paper", str(config))
    assert (first.returncode, first.stderr) == (0, "")
    config.write_text(command("paper-config").stdout)
    second = command("demo-data", "--paper", str(config))
    assert (second.returncode, second.stderr) == (0, "")
    assert json.loads(first.stdout)["sign_in"] != json.loads(second.stdout)["sign_in"]
    with services_of(load()) as services:
        (user,) = services.users.people.list()
        accounts = services.accounts.list(user.id)
        strategies = services.strategies.list(user.id)
    hosts = {f"http://127.0.0.1:{broker['rest_port']}" for broker in json.loads(config.read_text())["brokers"]}
    assert {account.host_url for account in accounts} == hosts
    assert len(accounts) == len(strategies) == 3


def test_a_desk_of_its_own_is_left_alone(desk, config):
    with services_of(load()) as services:
        services.users.door.found("asha", "seven lanterns by the canal", VISITOR)
    done = command("demo-data", "--paper", str(config))
    assert done.returncode == 1
    assert done.stderr.startswith("Mirrordesk: This folder holds a desk of its own.")
