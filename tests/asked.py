"""What the person who runs the tests asks for; read before the environment is settled for the tests."""

import os

KILLS = int(os.environ.pop("MIRRORDESK_KILLS", "25"))
KILLS_SEED = int(os.environ.pop("MIRRORDESK_KILLS_SEED", "1"))
SHOTS = os.environ.pop("MIRRORDESK_SHOTS", "")  # a folder for pictures of the pages
