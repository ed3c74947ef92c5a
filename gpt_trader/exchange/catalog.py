"""The products the exchange can list, with Coinbase's increments and order limits.

Increments are those of Coinbase's product list (2025-2026); the maximum sizes of spot are of its
order of magnitude. A product of a followed exchange comes with that exchange's own numbers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from gpt_trader.exchange.contracts import BITCOIN, Contract
from gpt_trader.exchange.decimals import (
    CASH_PLACES,
    CASH_UNITS,
    decimal_text,
    parse_number,
    ratio_text,
    whole_steps,
)

# product, name of the base, price decimals, base decimals, largest base size of an order
TABLE = """
BTC-USD Bitcoin 2 8 3400
ETH-USD Ethereum 2 8 42000
SOL-USD Solana 2 8 330000
XRP-USD XRP 4 6 9000000
ADA-USD Cardano 4 8 14000000
DOGE-USD Dogecoin 5 1 44000000
LTC-USD Litecoin 2 8 47000
AVAX-USD Avalanche 2 8 240000
LINK-USD Chainlink 3 2 370000
DOT-USD Polkadot 3 8 920000
BCH-USD Bitcoin-Cash 2 8 16000
UNI-USD Uniswap 3 6 470000
AAVE-USD Aave 2 3 28000
ATOM-USD Cosmos 3 2 880000
XLM-USD Stellar-Lumens 6 8 30000000
ETC-USD Ethereum-Classic 2 8 270000
FIL-USD Filecoin 3 3 880000
NEAR-USD NEAR-Protocol 3 3 740000
APT-USD Aptos 2 3 430000
ARB-USD Arbitrum 4 2 4600000
OP-USD Optimism 3 2 2100000
SUI-USD SUI 4 1 1600000
SHIB-USD SHIBA-INU 8 0 180000000000
HBAR-USD Hedera 5 1 44000000
ICP-USD Internet-Computer 3 4 340000
ALGO-USD Algorand 4 1 26000000
INJ-USD Injective 3 2 150000
TIA-USD Celestia 3 2 680000
SEI-USD Sei 4 1 8800000
RENDER-USD Render 3 2 540000
MKR-USD Maker 2 6 2700
CRV-USD Curve-DAO-Token 4 2 12000000
LDO-USD Lido-DAO-Token 3 2 2600000
GRT-USD The-Graph 4 2 20000000
SAND-USD The-Sandbox 4 2 11000000
MANA-USD Decentraland 4 2 9200000
XTZ-USD Tezos 3 2 4400000
BONK-USD Bonk 8 0 130000000000
WIF-USD dogwifhat 3 2 2000000
PEPE-USD Pepe 8 0 350000000000
IMX-USD Immutable 4 2 2600000
POL-USD Polygon-Ecosystem-Token 4 2 8000000
EOS-USD EOS 4 1 6000000
USDT-USD Tether 5 2 17000000
BTC-USDC Bitcoin 2 8 3400
ETH-USDC Ethereum 2 8 42000
SOL-USDC Solana 2 8 330000
XRP-USDC XRP 4 6 9000000
DOGE-USDC Dogecoin 5 1 44000000
BTC-USDT Bitcoin 2 8 160
ETH-USDT Ethereum 2 8 2500
SOL-USDT Solana 2 3 17000
BTC-EUR Bitcoin 2 8 190
ETH-EUR Ethereum 2 8 3400
SOL-EUR Solana 2 3 24000
LTC-EUR Litecoin 2 8 9300
XRP-EUR XRP 4 6 1300000
ADA-EUR Cardano 4 2 2500000
DOGE-EUR Dogecoin 4 1 10000000
LINK-EUR Chainlink 2 2 72000
USDC-EUR USDC 4 2 900000
ETH-BTC Ethereum 5 8 2200
SOL-BTC Solana 7 3 17000
LTC-BTC Litecoin 6 8 9200
LINK-BTC Chainlink 8 2 37000
"""

# quote currency: name, decimals of quote-sized orders, smallest and largest quote size
QUOTES = {
    "USD": ("US Dollar", 2, "1", "150000000"),
    "USDC": ("USDC", 2, "1", "150000000"),
    "USDT": ("Tether", 2, "1", "10000000"),
    "EUR": ("Euro", 2, "1", "10000000"),
    "BTC": ("Bitcoin", 8, "0.000016", "160"),
}

DEFAULT_MARKET_SIZE = 25  # the table's first rows


@dataclass(frozen=True, slots=True)
class Product:
    """A product with its increments.

    Each is ten to the minus some number of decimals; a price increment may be several of them.
    """

    product_id: str
    base: str
    quote: str
    base_name: str
    quote_name: str
    price_places: int
    price_step: int  # the price increment, in units of its last decimal
    base_places: int
    quote_places: int
    base_min: int  # lots, that is base increments
    base_max: int  # lots
    quote_min: int  # cash units, 1e-8
    quote_max: int  # cash units
    alias: str  # the product whose book it shares, "" for a book of its own
    contract: Contract | None  # None for spot; the base of a contract is "", its lots are contracts

    @property
    def book_id(self) -> str:
        """Name the product in whose book its orders meet."""
        return self.alias or self.product_id

    @property
    def currencies(self) -> tuple[str, str]:
        """Name what is traded against what; a contract's is the currency it is about."""
        return (self.base if self.contract is None else self.contract.root), self.quote

    @property
    def product_type(self) -> str:
        """Name its kind as Coinbase does."""
        return "SPOT" if self.contract is None else "FUTURE"

    def price_text(self, ticks: int) -> str:
        """Write a price."""
        return decimal_text(ticks * self.price_step, self.price_places)

    def average_text(self, tick_lots: int, lots: int) -> str:
        """Write the average price of ``lots``, of which ``tick_lots`` is the sum of the prices."""
        places = self.price_places
        return ratio_text(tick_lots * self.price_step, lots * 10**places, places + 8)

    def ticks(self, price: Decimal) -> int | None:
        """Count the price increments in a price; None when it is between two."""
        units = whole_steps(price, self.price_places)
        return None if units is None or units % self.price_step else units // self.price_step

    def tick_value(self) -> tuple[int, int]:
        """Give the cash units (1e-8) in one price increment times one lot, as a fraction."""
        if self.contract is not None:
            return self.price_step * self.contract.size, int(10**self.price_places)
        places = self.price_places + self.base_places
        if places <= CASH_PLACES:
            return self.price_step * 10 ** (CASH_PLACES - places), 1
        return self.price_step, 10 ** (places - CASH_PLACES)

    def base_text(self, lots: int) -> str:
        """Write a base size."""
        return decimal_text(lots, self.base_places)

    def base_units(self, lots: int) -> int:
        """Give a base size in units of 1e-8, in which balances are kept."""
        return int(lots * 10 ** (CASH_PLACES - self.base_places))


class UnknownProduct(Exception):
    """A product that is not in the table."""


def find_product(product_id: str) -> Product:
    """Look a product up.

    Raises
    ------
    UnknownProduct
        It is not in the table, so nobody knows its increments.
    """
    product = PRODUCTS.get(product_id)
    if product is None:
        raise UnknownProduct(f"unknown product {product_id!r}; known are {', '.join(PRODUCTS)}")
    return product


def find_contract(product_id: str) -> Product:
    """Look a contract up.

    Raises
    ------
    UnknownProduct
        It is not listed here.
    """
    product = CONTRACTS.get(product_id)
    if product is None:
        raise UnknownProduct(f"unknown contract {product_id!r}; known are {', '.join(CONTRACTS)}")
    return product


def default_market() -> list[Product]:
    """Give the products that are traded when nobody names any."""
    return list(PRODUCTS.values())[:DEFAULT_MARKET_SIZE]


def product_from_wire(body: Mapping[str, Any]) -> Product:
    """Read a product of another exchange's list (coinbase-wire.md, 1.4).

    Raises
    ------
    ValueError
        A field is missing, or an increment is not a power of ten of at least 1e-8.
    """
    price_places = _places(body, "price_increment")
    base_places = _places(body, "base_increment")
    quote = _text(body, "quote_currency_id")
    return Product(
        product_id=_text(body, "product_id"),
        base=_text(body, "base_currency_id"),
        quote=quote,
        base_name=str(body.get("base_name", "")),
        quote_name=str(body.get("quote_name", "")),
        price_places=price_places,
        price_step=1,
        base_places=base_places,
        quote_places=_places(body, "quote_increment"),
        base_min=_steps(body, "base_min_size", base_places),
        base_max=_steps(body, "base_max_size", base_places),
        quote_min=_steps(body, "quote_min_size", CASH_PLACES),
        quote_max=_steps(body, "quote_max_size", CASH_PLACES),
        alias="",  # whatever it shares there, its trades come under this name
        contract=None,
    )


def dollar_aliases(products: Iterable[Product]) -> list[Product]:
    """Give X-USDC for each X-USD: the same book, paid in USDC (Advanced Trade reference, products).

    Where X-USDC is a market of its own, it stays one.
    """
    listed = {product.product_id: product for product in products}
    return [
        replace(
            product,
            product_id=f"{product.base}-USDC",
            quote="USDC",
            quote_name=QUOTES["USDC"][0],
            alias=name,
        )
        for name, product in listed.items()
        if product.quote == "USD" and f"{product.base}-USDC" not in listed
        if product.contract is None and product.base != "USDC"
    ]


def product_record(product: Product) -> dict[str, Any]:
    """Give a product's numbers as they would stand in a product list."""
    return {
        "product_id": product.product_id,
        "base_currency_id": product.base,
        "quote_currency_id": product.quote,
        "base_name": product.base_name,
        "quote_name": product.quote_name,
        "price_increment": product.price_text(1),
        "base_increment": decimal_text(1, product.base_places),
        "quote_increment": decimal_text(1, product.quote_places),
        "base_min_size": decimal_text(product.base_min, product.base_places),
        "base_max_size": decimal_text(product.base_max, product.base_places),
        "quote_min_size": decimal_text(product.quote_min, CASH_PLACES),
        "quote_max_size": decimal_text(product.quote_max, CASH_PLACES),
    }


def _read_table() -> dict[str, Product]:
    products = {}
    for row in TABLE.split("\n"):
        if not row:
            continue
        product_id, base_name, price_places, base_places, base_max = row.split()
        base, quote = product_id.split("-")
        quote_name, quote_places, quote_min, quote_max = QUOTES[quote]
        products[product_id] = Product(
            product_id=product_id,
            base=base,
            quote=quote,
            base_name=base_name.replace("-", " "),
            quote_name=quote_name,
            price_places=int(price_places),
            price_step=1,
            base_places=int(base_places),
            quote_places=quote_places,
            base_min=1,
            base_max=int(base_max) * 10 ** int(base_places),
            quote_min=int(Decimal(quote_min).scaleb(CASH_PLACES)),
            quote_max=int(Decimal(quote_max).scaleb(CASH_PLACES)),
            alias="",
            contract=None,
        )
    return products


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"the product has no {name}")
    return value


def _places(body: Mapping[str, Any], name: str) -> int:
    text = _text(body, name)
    for places in range(CASH_PLACES + 1):
        if parse_number(text) == Decimal(1).scaleb(-places):
            return places
    raise ValueError(f"{name} {text} is not a power of ten from 1 to 1e-8")


def _steps(body: Mapping[str, Any], name: str, places: int) -> int:
    value = parse_number(_text(body, name))
    steps = None if value is None else whole_steps(value, places)
    if steps is None or steps < 0:
        raise ValueError(f"{name} {body[name]} is not a whole number of increments")
    return steps


PRODUCTS = _read_table()
CONTRACTS = {
    "BIP-20DEC30-CDE": Product(
        product_id="BIP-20DEC30-CDE",
        base="",
        quote="USD",
        base_name="",
        quote_name="US Dollar",
        price_places=0,
        price_step=5,
        base_places=0,
        quote_places=2,
        base_min=1,
        base_max=5_000,
        quote_min=0,
        quote_max=100_000_000 * CASH_UNITS,
        alias="",
        contract=BITCOIN,
    )
}
"""The contracts that can be listed, by product id."""
