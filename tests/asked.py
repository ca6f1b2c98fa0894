"""What the person who runs the tests asks for; read before the environment is settled for the tests."""

import os

SHOTS = os.environ.pop("MIRRORDESK_SHOTS", "")  # a folder for pictures of the pages
HISTORIES = int(os.environ.pop("MIRRORDESK_HISTORIES", "12"))  # of a desk, its venue and its crashes
