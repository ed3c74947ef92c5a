"""Builders: small tapes, venues on them, and bodies of orders, showing only what matters."""

import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from gpt_trader.exchange.candle_trades import CandleColumns, trades_from_candles
from gpt_trader.exchange.catalog import Product, find_contract, find_product
from gpt_trader.exchange.journal import Journal
from gpt_trader.exchange.journal_records import journal_header
from gpt_trader.exchange.rules import VenueRules, default_rules
from gpt_trader.exchange.tape import MINUTE_S, Tape, TradeColumns, assemble
from gpt_trader.exchange.timestamps import SECOND_NS
from gpt_trader.exchange.venue import Venue

Wire = dict[str, Any]
Print = tuple[float, int, int, bool]  # second, price increments, lots, the maker buys

START_S = 1_767_571_200
BTC = find_product("BTC-USD")
ETH_BTC = find_product("ETH-BTC")
BIP = find_contract("BIP-20DEC30-CDE")
BIP_ID = BIP.product_id
COIN = 10**8  # lots in one BTC


def print_columns(prints: Sequence[Print], product: Product = BTC) -> TradeColumns:
    """Trades at chosen seconds after the start, as columns."""
    times = [int((START_S + second) * 1000) * 1_000_000 for second, *_ in prints]
    return TradeColumns(
        product=product,
        times_ns=np.array(times, np.int64),
        prices=np.array([price for _, price, _, _ in prints], np.int64),
        sizes=np.array([lots for _, _, lots, _ in prints], np.int64),
        maker_buys=np.array([buys for *_, buys in prints], np.int8),
        row_starts_s=np.unique(np.array(times, np.int64) // (MINUTE_S * SECOND_NS)) * MINUTE_S,
    )


def a_print_tape(prints: Sequence[Print], product: Product = BTC) -> Tape:
    """A tape of chosen trades; a round is a minute."""
    return assemble(1, MINUTE_S, [print_columns(prints, product)])


def a_contract_tape(prices: Sequence[int], second: float = 60.0) -> Tape:
    """Bitcoin and its contract at chosen dollars, a print of each every minute or so."""
    moments = [second * number for number in range(len(prices))]
    times = list(zip(moments, prices, strict=True))
    contract = [(moment, price // 5, 100, False) for moment, price in times]
    spot = [(moment + 1, 100 * price, COIN, False) for moment, price in times]
    return assemble(1, MINUTE_S, [print_columns(spot), print_columns(contract, BIP)])


def a_contract_venue(prices: Sequence[int], balance: str = "1000", **rules: Any) -> Venue:
    """An exchange on them, whose futures wallet holds ``balance``, after the first minute."""
    changed = replace(default_rules(1), futures_balance=Decimal(balance), **rules)
    venue = Venue(a_contract_tape(prices), changed, None)
    venue.advance()
    return venue


def a_contract_order(side: str, size: str, name: str = "c", **fields: Any) -> Wire:
    """The body of a market order of contracts."""
    configuration = {"market_market_ioc": {"base_size": size}}
    body = {"client_order_id": name, "product_id": BIP_ID, "side": side}
    return body | {"order_configuration": configuration} | fields


def random_candles(
    product: Product, rounds: int, price: int, lots: int, seed: int
) -> CandleColumns:
    """Candles on a seeded walk, with gaps, flat ones, tiny ones and ones without volume."""
    draw = random.Random(seed)
    rows = []
    last = price
    for number in range(rounds):
        step = max(1, last // 500)
        path = [max(1, last + draw.randint(-step, step)) for _ in range(4)]
        last = path[-1]
        volume = draw.choice([0, 1, 2, 3, 5, lots, lots, lots, lots, lots * 3])
        if draw.random() < 0.1:
            path = [last] * 4
        if draw.random() < 0.9:
            start = START_S + number * MINUTE_S
            rows.append((start, path[0], max(path), min(path), path[-1], volume))
    columns = [np.array(column, np.int64) for column in zip(*rows, strict=True)]
    return CandleColumns(product, *columns)


def a_candle_tape(rounds: int, seed: int, products: Sequence[Product] = (BTC,)) -> Tape:
    """A tape of random candles."""
    parts = []
    for product in products:
        price = 6_000_000 if product is BTC else 3_950
        candles = random_candles(product, rounds, price, 5 * COIN, seed)
        parts.append(trades_from_candles(candles, MINUTE_S, seed))
    return assemble(seed, MINUTE_S, parts)


def a_venue(prints: Sequence[Print], rules: VenueRules | None = None) -> Venue:
    """An exchange on chosen trades, before the first round."""
    return Venue(a_print_tape(prints), rules or default_rules(1), None)


def a_kept_venue(tape: Tape, rules: VenueRules, folder: Path) -> tuple[Venue, Journal]:
    """An exchange as the journal in a folder left it, and the journal, which must be closed."""
    journal = Journal(folder, journal_header(tape, rules), sync=False)
    return Venue.restore(tape, rules, journal), journal


def a_body(
    client_order_id: str,
    side: str,
    configuration: str,
    product_id: str = "BTC-USD",
    **fields: Any,
) -> Wire:
    """The body of a create."""
    return {
        "client_order_id": client_order_id,
        "product_id": product_id,
        "side": side,
        "order_configuration": {configuration: fields},
    }


def a_limit(client_order_id: str, side: str, price: str, size: str, **fields: Any) -> Wire:
    """The body of a limit order that may rest."""
    return a_body(
        client_order_id, side, "limit_limit_gtc", limit_price=price, base_size=size, **fields
    )


def place(venue: Venue, body: Wire) -> str:
    """Place an order that must be accepted; gives its id."""
    answer, _ = venue.create_order(body)
    assert answer["success"], answer
    order_id = answer["success_response"]["order_id"]
    assert isinstance(order_id, str)
    return order_id


def balance(venue: Venue, currency: str) -> tuple[Decimal, Decimal]:
    """Free and held amount of a currency."""
    for wallet in venue.accounts({"limit": ["250"]})["accounts"]:
        if wallet["currency"] == currency:
            free, held = wallet["available_balance"]["value"], wallet["hold"]["value"]
            return Decimal(free), Decimal(held)
    raise AssertionError(f"no wallet for {currency}")


def amounts(free: str, held: str) -> tuple[Decimal, Decimal]:
    """What ``balance`` should give."""
    return Decimal(free), Decimal(held)


def everything(venue: Venue) -> list[Any]:
    """All that an exchange shows of account and market, to compare two of them."""
    names = [product["product_id"] for product in venue.products({})["products"]]
    return [
        venue.now_ns,
        venue.round,
        venue.due_ns(),
        venue.accounts({"limit": ["250"]}),
        venue.orders({}),
        venue.fills({"limit": ["1000"]}),
        venue.transaction_summary(),
        venue.user_snapshot(),
        venue.products({}),
        [venue.product_book({"product_id": [name]}) for name in names],
        [venue.trades(name, {"limit": ["50"]}) for name in names],
    ]
