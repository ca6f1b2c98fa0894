"""What every test stands on: an instance folder of its own, no way off the machine, real servers if asked."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests import asked  # noqa: F401 - first: it reads what is removed below

# Each before the one that imports it.
pytest_plugins = [
    "tests.loopback",
    "tests.servers",
    "tests.databases",
    "tests.compiled",
    "tests.browser",
    "tests.order",
]

SESSION_FOLDER = Path(tempfile.mkdtemp(prefix="mirrordesk-tests-"))
FROM_OUTSIDE = ("MIRRORDESK_", "DATABASE_URL", "REDIS_URL", "FLASK_")

# How long an example takes says more about the machine than about the code.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Settle the environment before anything of the app is imported and reads it."""
    for name in [name for name in os.environ if name.startswith(FROM_OUTSIDE)]:
        del os.environ[name]
    _log_faults_plainly()
    os.environ["MIRRORDESK_INSTANCE"] = str(SESSION_FOLDER / "instance")
    (SESSION_FOLDER / "instance").mkdir(mode=0o700)
    atexit.register(shutil.rmtree, SESSION_FOLDER, ignore_errors=True)


def _log_faults_plainly() -> None:
    """With the locals of its frames a traceback takes seconds, in which an engine in this process stands still."""
    *before, _ = structlog.get_config()["processors"]
    plainly = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, plainly])


@pytest.fixture
def instance(tmp_path, monkeypatch) -> Path:
    """An empty instance folder for this test alone, already named in the environment."""
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("MIRRORDESK_INSTANCE", str(folder))
    return folder
