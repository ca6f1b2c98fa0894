"""Limits name legs by number. When legs were moved or removed on the page they take the new numbers, and what looked at
a leg that is gone goes with it; the person is told either way.
"""

from collections.abc import Mapping, Sequence

LOOKING = {"supertrend": ("supertrend_when", "Supertrend exit"), "delta": ("delta_beyond", "delta exit")}


def renumbered(
    typed: Mapping[str, str], came: Mapping[str, str], numbers: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """The typed limits as they are now, and what was done to them. `came` is the whole form, `numbers` what each leg's
    was on the page that came in, "" for a new one. A number that a person typed there since is theirs."""
    now = {was: place for place, was in reversed(list(enumerate(numbers, 1))) if was.isdecimal()}
    limits, said = dict(typed), []
    for name, (rule, words) in LOOKING.items():
        number = typed[f"{name}_leg"]
        is_ours = came.get(f"limits-{name}_leg_was") == number
        if not (now and is_ours and number.isdecimal() and typed[rule] and typed[f"{name}_on"] == "leg"):
            continue
        place = now.get(number)
        if place is None:
            limits[rule] = limits[f"{name}_leg"] = ""
            said.append(f"The {words} looked at leg {number}, which was removed: it is no longer set.")
        elif str(place) != number:
            limits[f"{name}_leg"] = str(place)
            said.append(f"The {words} looks at leg {place} now, which was leg {number}.")
    return limits, said
