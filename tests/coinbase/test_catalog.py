"""Our table of products against what an exchange lists of them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpt_trader.coinbase.catalog import PRODUCTS, product
from gpt_trader.coinbase.wire_products import parse_products
from gpt_trader.domain.errors import UsageError
from gpt_trader.exchange.catalog import PRODUCTS as LISTED
from gpt_trader.exchange.tape_files import Reading, read_tape
from gpt_trader.exchange.venue import Venue
from tests.exchange.serving import some_rules


def test_the_table_says_what_the_embedded_exchange_lists(tmp_path: Path) -> None:
    file = tmp_path / "all.parquet"
    minute = {"time": 0, "open": 5.0, "high": 5.0, "low": 5.0, "close": 5.0, "volume": 900.0}
    rows = [minute | {"product_id": name, "granularity": 60} for name in LISTED]
    pq.write_table(pa.Table.from_pylist(rows), file)
    venue = Venue(read_tape([file], Reading(None, None, None, 1)), some_rules(), None)
    venue.advance()

    listed = parse_products(venue.products({}))

    assert {found.product_id: found for found in listed} == PRODUCTS
    assert len(PRODUCTS) > 60


def test_a_product_is_found_by_its_id_and_near_names_are_offered() -> None:
    assert product("ETH-USD").base == "ETH"
    with pytest.raises(UsageError, match="unknown product 'BTC-USB': did you mean BTC-USD"):
        product("BTC-USB")
    with pytest.raises(UsageError, match="did you mean SOL-USD"):
        product("sol-usd")
    with pytest.raises(UsageError, match="write it like BTC-USD"):
        product("???")
