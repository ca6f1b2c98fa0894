"""Breakages of what comes from outside: differences with the venues' books, and messages of webhooks."""

from tests.mutants.breakage import Mutant

DIFFERENCES = ("tests/portfolio/test_differences.py", "tests/portfolio/test_comparing.py")
SIGNALS = ("tests/signals/test_proof.py", "tests/signals/test_service.py")
DIFFERING, COMPARING = "app/portfolio/differences.py", "app/portfolio/comparing.py"
PROOF, MESSAGE = "app/signals/proof.py", "app/signals/message.py"
RECEIVING, ACTING = "app/signals/receiving.py", "app/signals/acting.py"

MUTANTS = (
    Mutant(
        DIFFERING, "(leg.came_after, leg.wants_out, leg.leg_id)", "(leg.wants_out, leg.leg_id)",
        "an older run sells what a newer one opened", DIFFERENCES,
    ),
    Mutant(
        DIFFERING, "        return proven\n", "        return None\n",
        "an order in doubt ends what was proven before it", DIFFERENCES,
    ),
    Mutant(
        DIFFERING, "    return gap not in (proven.gap, gap_before) and not has_grown", "    return False",
        "one look ends what two have proven", DIFFERENCES,
    ),
    Mutant(
        COMPARING, "after = seen_twice(after) if before and before.is_confirmed else after", "pass",
        "a proven difference that shrank is forgotten", DIFFERENCES,
    ),
    Mutant(
        COMPARING, "self._writer.write(lambda _session: Written())", "pass",
        "a fill that waits for the journal looks like a trade of somebody else", DIFFERENCES,
    ),
    Mutant(
        COMPARING, " or order.id in disbelieved", "",
        "an order whose end is not believed yet looks like a trade of somebody else", DIFFERENCES,
    ),
    Mutant(
        DIFFERING, " or (proven is None and before.desk != look.desk)", "",
        "two fills unheard of prove a difference", DIFFERENCES,
    ),
    Mutant(
        DIFFERING, " or leg.is_unseen", "",
        "an old look takes a new leg for gone", DIFFERENCES,
    ),
    Mutant(
        PROOF, "if abs(now.timestamp() - int(found[1])) > TOLERANCE:", "if False:",
        "a signature is good for ever", SIGNALS,
    ),
    Mutant(
        PROOF, 'hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256)',
        "hmac.new(secret.encode(), body, hashlib.sha256)",
        "the time of a signature can be changed", SIGNALS,
    ),
    Mutant(
        RECEIVING, "            if known is not None:\n", "            if False:\n",
        "a repeat is a message of its own", SIGNALS,
    ),
    Mutant(
        MESSAGE, "for name, value in message.items() if name != SECRET}", "for name, value in message.items()}",
        "the secret is written down", SIGNALS,
    ),
    Mutant(
        ACTING, "        if late > timedelta(0):\n", "        if False:\n", "an entry is made however late", SIGNALS,
    ),
    Mutant(
        ACTING, 'key, late = f"{KEY}{signal.id}", ', 'key, late = f"{self._clock.now()}", ',
        "an engine that died begins the run again", SIGNALS,
    ),
)  # fmt: skip
