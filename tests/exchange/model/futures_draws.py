"""Random commands for the futures pair: orders of every kind, closes, trades, hours, settings."""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.timestamps import SECOND_NS, time_text
from tests.exchange.model import futures as slow
from tests.exchange.model.futures_pair import PRODUCTS, FuturesPair, price_of
from tests.exchange.model.others import drawn_book, picked_numbers
from tests.exchange.model.venue import NEVER

LEVELS = 4
KINDS = ("market", "market", "limit", "limit", "limit", "stop", "ioc", "fok", "whole")
NAMES = {
    "market": "market_market_ioc",
    "whole": "market_market_fok",
    "ioc": "sor_limit_ioc",
    "fok": "limit_limit_fok",
}


@dataclass
class FuturesDrawn:
    """One session's commands."""

    pair: FuturesPair
    draw: random.Random
    told: Counter[str]
    number: int = 0

    def run(self, commands: int) -> None:
        """Send so many commands, each compared."""
        for product in PRODUCTS:
            self.trade(product)
        for _ in range(commands):
            kind = self.draw.random()
            if kind < 0.42:
                self.create()
            elif kind < 0.46:
                self.cancel()
            elif kind < 0.49:
                self.close()
            elif kind < 0.95:
                self.trade(self.draw.choice(PRODUCTS))
            elif kind < 0.99:
                self.wait()
            else:
                self.pair.choose(intraday=self.draw.random() < 0.8)

    def wait(self) -> None:
        """Let seconds pass, or hours."""
        span = self.draw.choice((1, 30, 600, 3_600, 3 * 3_600)) * SECOND_NS
        self.pair.pass_time(self.pair.now_ns + span)
        self.told["time"] += 1

    def trade(self, product: Product) -> None:
        """Print a trade near the last one, or far from it, and draw book and mark after it."""
        last = self.pair.market.last_price(product.product_id) or 1000
        step = self.draw.choice((0, 1, 2, 3, 5, 20)) * self.draw.choice((1, -1))
        if self.draw.random() < 0.09:
            step = self.draw.choice((100, -100, 200, -200))  # some accounts do not survive that
        price = min(max(last + step, 600), 1600)
        mark = price + self.draw.choice((0, 0, 0, 1, -2, 4))
        lots = self.draw.choice((1, 5, 20, 60)) * self.draw.randint(1, 3)
        self.pair.pass_time(self.pair.now_ns + self.draw.randint(0, 3) * SECOND_NS)
        self.pair.trade(product, price, lots, mark, drawn_book(self.draw, price, LEVELS, 0.05))
        self.told["trade"] += 1

    def cancel(self) -> None:
        """Cancel one or two orders, most of them waiting."""
        if picked := picked_numbers(self.draw, self.pair):
            self.pair.cancel(picked)
            self.told["cancel"] += 1

    def close(self) -> None:
        """Close a position, whole or in part, or one that is not there."""
        self.number += 1
        name = self.draw.choice(PRODUCTS).product_id
        size = self.draw.choice((None, None, 1, 7, 40))
        reason = self.pair.close(name, f"o{self.number}", size)
        self.told[reason or "close accepted"] += 1

    def create(self) -> None:
        """Draw an order of any kind and send it."""
        self.number += 1
        product, kind = self.draw.choice(PRODUCTS), self.draw.choice(KINDS)
        held, _ = self.pair.model.position(product.product_id)
        reduces = self.draw.random() < (0.3 if held else 0.03)
        buys = (held < 0) == (self.draw.random() < 0.9) if reduces else self.draw.random() < 0.5
        leaves = bool(held) and self.draw.random() < 0.25  # one of several exits of a position
        if leaves:
            kind, buys = self.draw.choice(("limit", "stop", "market", "whole")), held < 0
        lots = self.draw.choice((1, 3, 10, 25)) * self.draw.randint(1, 2)
        if reduces and held and self.draw.random() < 0.7:
            lots = min(lots, int(abs(held)))
        elif leaves:
            lots = max(1, int(abs(held)) * self.draw.choice((6, 8, 10, 10, 15, 22)) // 10)
        elif self.draw.random() < 0.5:
            lots = max(1, self._affordable(product.product_id) * self.draw.randint(7, 11) // 10)
        force = {"market": "ioc", "whole": "fok", "ioc": "ioc", "fok": "fok"}.get(kind, "gtc")
        order = slow.ContractOrder(
            product.product_id, buys, "limit", force, None, None, None, None, False, False, NEVER,
            reduces=reduces,
        )  # fmt: skip
        order.size = price_of(product, 0) + lots
        fields: dict[str, Any] = {"base_size": str(lots)}
        self._price(product, kind, order, fields)
        name = self._name(kind, order, fields)
        wire: dict[str, Any] = {
            "client_order_id": f"o{self.number}",
            "product_id": product.product_id,
            "side": "BUY" if buys else "SELL",
            "order_configuration": {name: fields},
        }
        if reduces:
            (wire if self.draw.random() < 0.5 else fields)["reduce_only"] = True
        reason = self.pair.create(wire, order)
        self.told[reason or f"{'reducing ' if reduces else ''}{kind} accepted"] += 1

    def _affordable(self, name: str) -> int:
        """Give about how many contracts the margin that is free would carry."""
        model, now_ns = self.pair.model, self.pair.now_ns
        free = model.equity() - model.required(now_ns)
        each = model.initial(name, price_of(PRODUCTS[0], 0) + 100, now_ns) / 100
        return int(max(free, each) / each)

    def _price(
        self, product: Product, kind: str, order: slow.ContractOrder, fields: dict[str, Any]
    ) -> None:
        """Draw limit and stop into the order and its wire form."""
        if kind in ("market", "whole"):
            order.kind = "market"
            return
        last = self.pair.market.last_price(product.product_id) or 1000
        price = last + self.draw.choice((0, 1, 2, 3, 5, 9, 15)) * self.draw.choice((1, -1))
        if kind == "stop":
            order.kind, order.rising = "stop", self.draw.random() < 0.5
            away = self.draw.choice((0, 1, 3, 8, 20)) * self.draw.choice((1, 1, 1, -1))
            stop = last + (away if order.rising else -away)
            price = stop + self.draw.choice((0, 1, 5, 25)) * (1 if order.buys else -1)
            order.stop = price_of(product, stop)
            way = "UP" if order.rising else "DOWN"
            fields |= {
                "stop_price": product.price_text(stop),
                "stop_direction": f"STOP_DIRECTION_STOP_{way}",
            }
        order.limit = price_of(product, price)
        fields["limit_price"] = product.price_text(price)
        if kind == "limit" and self.draw.random() < 0.2:
            order.post_only = fields["post_only"] = True

    def _name(self, kind: str, order: slow.ContractOrder, fields: dict[str, Any]) -> str:
        """Name the configuration; some that wait get an end."""
        if kind in NAMES:
            return NAMES[kind]
        if self.draw.random() < 0.3:
            order.force = "gtd"
            order.end_ns = self.pair.now_ns + self.draw.choice((1, 5, 60, 5_000)) * SECOND_NS
            fields["end_time"] = time_text(order.end_ns)
        stem = "stop_limit_stop_limit" if kind == "stop" else "limit_limit"
        return f"{stem}_{order.force}"
