from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.execution.splitter import CannotSplit, slices


def test_28_lots_over_a_27_lot_freeze_become_27_and_1() -> None:
    assert slices(Decimal(28 * 65), Decimal(65), Decimal(1800)) == [Decimal(1755), Decimal(65)]


@pytest.mark.parametrize(
    ("quantity", "lot", "freeze"),
    [(0, 65, 1800), (-65, 65, 1800), (66, 65, 1800), (65, 0, 1800), (130, 65, 64)],
)
def test_what_cannot_be_cut_is_refused(quantity: int, lot: int, freeze: int) -> None:
    with pytest.raises(CannotSplit):
        slices(Decimal(quantity), Decimal(lot), Decimal(freeze))


def test_no_known_freeze_means_one_slice() -> None:
    assert slices(Decimal(5000), Decimal(1), None) == [Decimal(5000)]


@given(st.integers(1, 3000), st.integers(1, 200), st.integers(1, 5000))
def test_i14_slices_add_up_and_each_fits(lots: int, lot: int, freeze: int) -> None:
    quantity = Decimal(lots * lot)
    if freeze < lot and quantity > freeze:
        with pytest.raises(CannotSplit):
            slices(quantity, Decimal(lot), Decimal(freeze))
        return
    cut = slices(quantity, Decimal(lot), Decimal(freeze))
    assert sum(cut) == quantity
    assert all(0 < part <= freeze and part % lot == 0 for part in cut)
    assert all(part == cut[0] for part in cut[:-1])
