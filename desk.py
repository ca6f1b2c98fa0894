#!/usr/bin/env python3
"""Mirrordesk from one file: `python3 desk.py demo`, `start`, `test`, `crashtest`, `check`, `doctor`, `lock`.

Plain enough for a Python of any age to read, so that an old one gets a sentence and not a syntax error.
"""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write("Mirrordesk needs Python 3.11 or newer; this is Python %d.%d.\n" % sys.version_info[:2])
    sys.exit(2)
if sys.platform == "win32":
    sys.stderr.write("Mirrordesk runs on Linux and macOS; on Windows, run it inside WSL or a container.\n")
    sys.exit(2)

from launcher.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
