"""Where two books differ: what is proven, what is gone, and that no exit can ask for what is not there."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.portfolio.differences import (
    ForeignTrade,
    HeldLeg,
    Look,
    is_given_up_too_soon,
    judge,
    likely_reason,
    missing,
    share_out,
    surplus,
)

units = st.integers(-20, 20).map(lambda n: Decimal(n * 65))
amounts = st.integers(0, 20).map(lambda n: Decimal(n * 65))
legs = st.lists(st.tuples(st.booleans(), amounts, st.booleans(), st.booleans()), max_size=5).map(
    lambda found: [HeldLeg(f"leg{n}", *each) for n, each in enumerate(found)]
)


def look(desk: int, venue: int, **more: int) -> Look:
    return Look(Decimal(desk), Decimal(venue), **{name: Decimal(value) for name, value in more.items()})


def test_one_look_proves_nothing_and_a_second_that_says_the_same_does() -> None:
    first = judge(None, look(130, 0))
    assert first is not None
    assert not first.is_confirmed
    assert judge(first, look(130, 0)).is_confirmed


def test_foreign_trades_that_explain_it_to_the_unit_prove_it_at_once() -> None:
    assert judge(None, look(130, 0, foreign=-130)).is_confirmed
    assert not judge(None, look(130, 0, foreign=-65)).is_confirmed


def test_another_difference_begins_anew() -> None:
    first = judge(None, look(130, 0))
    assert not judge(first, look(130, 65)).is_confirmed


def test_two_fills_unheard_of_one_after_the_other_prove_nothing_though_they_are_as_large() -> None:
    first = judge(None, look(130, 65))
    assert not judge(first, look(65, 0)).is_confirmed


def test_a_difference_stays_the_same_while_the_desk_itself_trades() -> None:
    proven = judge(judge(None, look(130, 65)), look(130, 65))
    after = judge(proven, look(65, 0))
    assert after.is_confirmed
    assert after.looks == 3


def test_what_an_order_in_doubt_could_have_done_is_no_difference() -> None:
    assert judge(None, look(130, 65, doubtful_sells=65)) is None
    assert judge(None, look(130, 0, doubtful_sells=65)) is not None
    assert judge(None, look(130, 195, doubtful_sells=65)) is not None


def test_books_that_agree_end_it() -> None:
    assert judge(judge(None, look(130, 0)), look(130, 130)) is None


@given(units, units, units, amounts, amounts)
def test_nothing_is_proven_by_one_unexplained_look(desk, venue, foreign, buys, sells) -> None:
    found = judge(None, Look(desk, venue, foreign, buys, sells))
    if found is not None and found.is_confirmed:
        assert foreign == venue - desk != 0
    if venue == desk:
        assert found is None


@given(units, units)
def test_what_is_missing_and_what_is_extra_are_never_both_and_make_up_the_gap_up_to_flat(desk, venue) -> None:
    lacking, extra = missing(desk, venue), surplus(desk, venue)
    assert lacking == 0 or extra == 0
    assert lacking * desk >= 0
    assert desk - lacking + extra == venue


@given(units, legs)
def test_exits_of_all_legs_together_never_ask_for_more_than_is_there(venue, held) -> None:
    """Were all of them filled, nobody's position there would be turned around by the desk."""
    bought = sum((leg.held for leg in held if leg.is_bought), Decimal(0))
    sold = sum((leg.held for leg in held if not leg.is_bought), Decimal(0))
    desk = bought - sold
    lacking = missing(desk, venue)
    gone = share_out(lacking, held)
    left = {True: bought, False: sold}
    for leg in held:
        assert 0 <= gone.get(leg.leg_id, Decimal(0)) <= leg.held
        left[leg.is_bought] -= gone.get(leg.leg_id, Decimal(0))
    after = venue - left[True] + left[False]
    if desk > 0 and venue >= -sold:
        assert after >= 0
    if desk < 0 and venue <= bought:
        assert after <= 0


def test_an_order_in_doubt_moves_nothing_that_was_proven_before_it() -> None:
    """Neither by what it may have filled, nor by what it may not."""
    proven = judge(judge(None, look(-130, 0)), look(-130, 0))
    assert judge(proven, look(-130, 0, doubtful_buys=130)).is_confirmed
    assert judge(proven, look(-130, -130, doubtful_sells=130)) == proven
    assert judge(proven, look(-130, -130)) is None
    assert judge(proven, look(-130, -65, doubtful_sells=130)) == proven


def test_that_more_is_gone_is_believed_at_once_where_foreign_trades_prove_it() -> None:
    proven = judge(judge(None, look(130, 65)), look(130, 65))
    guessed, shown = judge(proven, look(130, 0)), judge(proven, look(130, 0, foreign=-130))
    assert is_given_up_too_soon(proven, guessed, None)
    assert not is_given_up_too_soon(proven, guessed, Decimal(-130))
    assert not is_given_up_too_soon(proven, shown, None)
    assert is_given_up_too_soon(proven, None, None)
    assert not is_given_up_too_soon(proven, None, Decimal(0))


@given(units, units, legs)
def test_what_is_gone_is_shared_out_whole_and_to_its_own_side_only(desk, venue, held) -> None:
    lacking = missing(desk, venue)
    gone = share_out(lacking, held)
    side = [leg for leg in held if leg.is_bought == (lacking > 0)]
    assert sum(gone.values(), Decimal(0)) == min(abs(lacking), sum((leg.held for leg in side), Decimal(0)))
    assert set(gone) <= {leg.leg_id for leg in side}


def test_a_leg_that_wants_out_is_charged_last() -> None:
    stays, leaves = HeldLeg("a", True, Decimal(65), False), HeldLeg("0", True, Decimal(65), True)
    assert share_out(Decimal(65), [leaves, stays]) == {"a": Decimal(65)}
    assert share_out(Decimal(65), [leaves, replace(stays, wants_out=True)]) == {"0": Decimal(65)}


def test_what_was_gone_before_a_leg_came_is_not_charged_to_it() -> None:
    older, newer = HeldLeg("a", True, Decimal(65), True), HeldLeg("b", True, Decimal(65), False, came_after=True)
    assert share_out(Decimal(65), [newer, older]) == {"a": Decimal(65)}
    assert share_out(Decimal(130), [newer, older]) == {"a": Decimal(65), "b": Decimal(65)}


def test_nothing_is_charged_to_a_leg_that_came_after_the_last_look() -> None:
    older, newer = HeldLeg("a", True, Decimal(65), True), HeldLeg("b", True, Decimal(65), False, True, is_unseen=True)
    assert share_out(Decimal(130), [newer, older]) == {"a": Decimal(65)}


def test_the_reason_says_what_is_known_and_calls_a_guess_a_guess() -> None:
    trade = ForeignTrade("v1", "SELL", Decimal(-130), Decimal(150), "10:42")
    told = likely_reason(look(130, 0, foreign=-130), [trade], "NRML")
    assert told == "Traded outside the desk: SELL 130 at ≈10:42 (order v1)."
    assert "does not explain" in likely_reason(look(130, 65, foreign=-130), [trade], "NRML")
    assert "squared it off" in likely_reason(look(130, 0), [], "MIS")
    assert "expired" in likely_reason(look(130, 0), [], "NRML")
    assert "another day" in likely_reason(look(0, 65), [], "NRML")


def test_where_the_desk_holds_nothing_nothing_of_it_is_missing() -> None:
    """Also where its runs hold as much one way as the other: what is there besides is somebody else's."""
    assert missing(Decimal(0), Decimal(-65)) == missing(Decimal(0), Decimal(65)) == 0
    assert surplus(Decimal(0), Decimal(-65)) == -65
