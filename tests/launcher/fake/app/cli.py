"""Commands of the stand-in. `FAKE_<COMMAND>=fail` makes one end at once with exit code 3.

Long-running ones say "ready", start a process of their own and write both ids to `<instance>/<name>.pids`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ANSWERS = {
    "paper-config": {"brokers": []},
    "demo-data": {"sign_in": "/sign-in/once/abc"},
}


def run(name: str) -> None:
    if os.environ.get(f"FAKE_{name.upper().replace('-', '_')}") == "fail":
        sys.stderr.write(f"{name}: the setting COLOUR is wrong\n")
        sys.exit(3)
    if name in ("engine", "web", "paper"):
        serve(name)
    sys.stdout.write(json.dumps(ANSWERS.get(name, {})) + "\n")


def serve(name: str) -> None:
    if os.environ.get("FAKE_DEAF"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    folder = Path(os.environ["MIRRORDESK_INSTANCE"])
    (folder / f"{name}.pids").write_text(f"{os.getpid()} {helper.pid}")
    sys.stdout.write(f"{name} ready\n")
    sys.stdout.flush()
    time.sleep(300)


if __name__ == "__main__":
    run(sys.argv[1])
