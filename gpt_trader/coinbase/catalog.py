"""Coinbase's increments and order limits, for work that asks no exchange.

A session never reads them: its products come from the exchange it trades at.
"""

from decimal import Decimal
from difflib import get_close_matches

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import Product

# product, decimals of the price, decimals of the base, largest base size of an order
_TABLE = """
BTC-USD 2 8 3400
ETH-USD 2 8 42000
SOL-USD 2 8 330000
XRP-USD 4 6 9000000
ADA-USD 4 8 14000000
DOGE-USD 5 1 44000000
LTC-USD 2 8 47000
AVAX-USD 2 8 240000
LINK-USD 3 2 370000
DOT-USD 3 8 920000
BCH-USD 2 8 16000
UNI-USD 3 6 470000
AAVE-USD 2 3 28000
ATOM-USD 3 2 880000
XLM-USD 6 8 30000000
ETC-USD 2 8 270000
FIL-USD 3 3 880000
NEAR-USD 3 3 740000
APT-USD 2 3 430000
ARB-USD 4 2 4600000
OP-USD 3 2 2100000
SUI-USD 4 1 1600000
SHIB-USD 8 0 180000000000
HBAR-USD 5 1 44000000
ICP-USD 3 4 340000
ALGO-USD 4 1 26000000
INJ-USD 3 2 150000
TIA-USD 3 2 680000
SEI-USD 4 1 8800000
RENDER-USD 3 2 540000
MKR-USD 2 6 2700
CRV-USD 4 2 12000000
LDO-USD 3 2 2600000
GRT-USD 4 2 20000000
SAND-USD 4 2 11000000
MANA-USD 4 2 9200000
XTZ-USD 3 2 4400000
BONK-USD 8 0 130000000000
WIF-USD 3 2 2000000
PEPE-USD 8 0 350000000000
IMX-USD 4 2 2600000
POL-USD 4 2 8000000
EOS-USD 4 1 6000000
USDT-USD 5 2 17000000
BTC-USDC 2 8 3400
ETH-USDC 2 8 42000
SOL-USDC 2 8 330000
XRP-USDC 4 6 9000000
DOGE-USDC 5 1 44000000
BTC-USDT 2 8 160
ETH-USDT 2 8 2500
SOL-USDT 2 3 17000
BTC-EUR 2 8 190
ETH-EUR 2 8 3400
SOL-EUR 2 3 24000
LTC-EUR 2 8 9300
XRP-EUR 4 6 1300000
ADA-EUR 4 2 2500000
DOGE-EUR 4 1 10000000
LINK-EUR 2 2 72000
USDC-EUR 4 2 900000
ETH-BTC 5 8 2200
SOL-BTC 7 3 17000
LTC-BTC 6 8 9200
LINK-BTC 8 2 37000
"""

# quote currency: quote increment, smallest and largest quote size of an order
_QUOTES = {
    "USD": ("0.01", "1", "150000000"),
    "USDC": ("0.01", "1", "150000000"),
    "USDT": ("0.01", "1", "10000000"),
    "EUR": ("0.01", "1", "10000000"),
    "BTC": ("0.00000001", "0.000016", "160"),
}


def product(product_id: str) -> Product:
    """A spot product of Coinbase with its increments and limits.

    Raises
    ------
    UsageError
        It is not in the table, so nobody knows its increments without asking an exchange.
    """
    found = PRODUCTS.get(product_id)
    if found is None:
        near = get_close_matches(product_id.upper(), PRODUCTS, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "write it like BTC-USD."
        raise UsageError(
            f"unknown product {product_id!r}: {hint} Of others the increments must be told: "
            "candles that `gpt-trader data download` stored bring them, or give "
            "product=gt.Product(...)"
        )
    return found


def _product(row: str) -> Product:
    product_id, price_places, base_places, base_max = row.split()
    base, quote = product_id.split("-")
    quote_increment, quote_min, quote_max = _QUOTES[quote]
    base_increment = Decimal(1).scaleb(-int(base_places))
    return Product(
        product_id=product_id,
        base=base,
        quote=quote,
        base_increment=base_increment,
        price_increment=Decimal(1).scaleb(-int(price_places)),
        quote_increment=Decimal(quote_increment),
        base_min_size=base_increment,
        base_max_size=Decimal(base_max),
        quote_min_size=Decimal(quote_min),
        quote_max_size=Decimal(quote_max),
    )


PRODUCTS = {found.product_id: found for found in map(_product, _TABLE.split("\n")[1:-1])}
"""By product id; the first ones are what most people trade."""
