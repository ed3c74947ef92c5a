"""Products of 128 bits against Python's whole numbers."""

from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.kernels.wide import part_of, product_is_greater

counts = st.integers(0, 2**63 - 1)


@given(counts, counts, counts, counts)
def test_products_compare_as_whole_numbers_do(a: int, b: int, c: int, d: int) -> None:
    assert product_is_greater(a, b, c, d) == (a * b > c * d)


@given(counts, counts)
def test_equal_products_are_not_greater(a: int, b: int) -> None:
    assert not product_is_greater(a, b, b, a)


@given(st.integers(0, 2**52), st.integers(1, 2**60), st.data())
def test_a_part_is_cut_to_the_whole_unit(whole: int, of: int, data: st.DataObject) -> None:
    share = data.draw(st.integers(0, of))

    assert part_of(whole, share, of) == whole * share // of
