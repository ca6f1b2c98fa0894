"""Ends the supervisor's children when the supervisor itself was killed and could not.

Its input is a pipe that only the supervisor holds: lines `+<group>` and `-<group>` say what runs, the pipe's
end says that the supervisor is gone. It inherits the instance's lock and holds it until the last one is gone.
"""

import signal
import sys
from collections.abc import Iterable

from launcher.groups import end


def follow(lines: Iterable[str]) -> set[int]:
    """Read until the pipe ends; the groups that were alive then."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    return groups


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end(follow(sys.stdin))
