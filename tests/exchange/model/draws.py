"""Random commands for the pair: every kind of order, cancels, edits, trades, time."""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.timestamps import SECOND_NS, time_text
from tests.exchange.model import venue as slow
from tests.exchange.model.others import drawn_book, picked_numbers
from tests.exchange.model.pair import BOOKS, PRODUCTS, Pair, decimal_of

LEVELS = 5
KINDS = (
    "market", "limit", "limit", "limit", "stop", "stop", "bracket", "exits", "ioc", "fok",
)  # fmt: skip
DAY_NS = 86_400 * SECOND_NS


@dataclass
class Drawn:
    """One session's commands."""

    pair: Pair
    draw: random.Random
    told: Counter[str]
    number: int = 0

    def run(self, commands: int) -> None:
        """Send so many commands, each compared."""
        self.trade()
        for _ in range(commands):
            kind = self.draw.random()
            if kind < 0.42:
                self.create()
            elif kind < 0.52:
                self.cancel()
            elif kind < 0.62:
                self.edit()
            elif kind < 0.97:
                self.trade()
            else:
                self.wait()

    def wait(self) -> None:
        """Let seconds pass, or sometimes weeks: fee tiers look back a month."""
        span = self.draw.choice((1, 30, 600, 600, 20 * 86_400)) * SECOND_NS
        self.pair.pass_time(self.pair.now_ns + span)
        self.told["time"] += 1

    def trade(self) -> None:
        """Print a trade near the last one, and draw the book after it."""
        product = self.draw.choice(BOOKS)
        last = self.pair.market.last_price(product.product_id) or 1000
        step = self.draw.choice((0, 0, 1, -1, 2, -2, 5, -5, 30, -30))
        price = min(max(last + step, 600), 1600)
        lots = self.draw.choice((1, 5, 20, 60)) * self.draw.randint(1, 3)
        self.pair.pass_time(self.pair.now_ns + self.draw.randint(0, 3) * SECOND_NS)
        self.pair.trade(product, price, lots, drawn_book(self.draw, price, LEVELS, 0.03))
        self.told["trade"] += 1

    def cancel(self) -> None:
        """Cancel one or two orders, most of them waiting."""
        if picked := picked_numbers(self.draw, self.pair):
            self.pair.cancel(picked)
            self.told["cancel"] += 1

    def edit(self) -> None:
        """Edit an order, most of them waiting."""
        waiting = list(self.pair.entry.matching.waiting.values())
        orders = waiting if waiting and self.draw.random() < 0.95 else list(self.pair.real.values())
        orders = [order for order in orders if order.request.limit is not None]
        if not orders:
            return
        order = self.draw.choice(orders)
        request, product = order.request, order.request.product
        assert request.limit is not None
        assert request.lots is not None
        lots = request.lots + self.draw.choice((0, 0, 1, -1, -9, 15, -request.lots // 2))
        shift = self.draw.choice((0, 0, 0, 1, -1, 4, -4, 12, -12))
        stop = ""
        if request.trigger is not None and self.draw.random() < 0.6:
            stop = product.price_text(request.trigger.price + self.draw.choice((0, shift, 3, -7)))
        price = product.price_text(max(1, request.limit + shift))
        done = self.pair.edit(order.number, price, product.base_text(max(1, lots)), stop)
        self.told[f"{request.kind} edit accepted" if done else "edit refused"] += 1

    def create(self) -> None:
        """Draw an order of any kind and send it."""
        self.number += 1
        product = self.draw.choice(PRODUCTS)
        kind = self.draw.choice(KINDS)
        buys = self.draw.random() < 0.5 or kind == "exits"
        last = self.pair.market.last_price(product.product_id) or 1000
        near = last + self.draw.choice((0, 1, 2, 3, 5, 9, 15)) * self.draw.choice((1, -1))
        lots = self.draw.choice((1, 3, 10, 40, 90)) * self.draw.randint(1, 2)
        if kind == "market":
            body, order = self._market(product, buys, lots)
        elif kind in ("stop", "bracket"):
            body, order = self._trigger(product, buys, kind, last, lots)
        else:
            body, order = self._limit(product, buys, kind, near, lots)
        name = f"o{self.number}"
        side = "BUY" if buys else "SELL"
        wire = {"client_order_id": name, "product_id": product.product_id, "side": side} | body
        reason = self.pair.create(wire, order)
        self.told[reason or f"{kind} accepted"] += 1

    def _market(self, product: Product, buys: bool, lots: int) -> tuple[Any, slow.Order]:
        order = _order(product, buys, "market", "ioc", lots)
        if buys and self.draw.random() < 0.4:
            units = self.draw.choice((1, 10**4, 10**6, 10**7, 5 * 10**7)) * self.draw.randint(1, 9)
            order.size, order.money = None, decimal_of(units, 8)
            fields = {"quote_size": format(order.money, "f")}
        else:
            fields = {"base_size": product.base_text(lots)}
        return {"order_configuration": {"market_market_ioc": fields}}, order

    def _limit(
        self, product: Product, buys: bool, kind: str, price: int, lots: int
    ) -> tuple[Any, slow.Order]:
        force = kind if kind in ("ioc", "fok") else self.draw.choice(("gtc", "gtc", "gtd"))
        order = _order(product, buys, "limit", force, lots)
        order.limit = decimal_of(price, product.price_places)
        fields: dict[str, Any] = {
            "limit_price": product.price_text(price),
            "base_size": product.base_text(lots),
        }
        if kind == "limit" and self.draw.random() < 0.3:
            order.post_only = fields["post_only"] = True
        name = {"ioc": "sor_limit_ioc", "fok": "limit_limit_fok"}.get(force, f"limit_limit_{force}")
        body = {"order_configuration": {name: fields | self._end(order)}}
        if kind == "exits":
            gain = price + self.draw.choice((1, 4, 10, 25, -1))
            loss = price - self.draw.choice((1, 4, 10, 25, 0))
            order.exits = _order(product, False, "bracket", "gtc", 0)
            order.exits.limit = decimal_of(gain, product.price_places)
            order.exits.stop = decimal_of(loss, product.price_places)
            texts = [product.price_text(one) for one in (gain, loss)]
            bracket = {"limit_price": texts[0], "stop_trigger_price": texts[1]}
            body["attached_order_configuration"] = {"trigger_bracket_gtc": bracket}
        return body, order

    def _trigger(
        self, product: Product, buys: bool, kind: str, last: int, lots: int
    ) -> tuple[Any, slow.Order]:
        force = self.draw.choice(("gtc", "gtd"))
        order = _order(product, buys, kind, force, lots)
        away = self.draw.choice((0, 1, 3, 8, 20, 30))
        if kind == "stop":
            order.rising = self.draw.random() < 0.5
            stop = last + (away if order.rising else -away) * self.draw.choice((1, 1, 1, -1))
            limit = stop + self.draw.choice((0, 1, 5, 25, -1)) * (1 if buys else -1)
            way = "UP" if order.rising else "DOWN"
            fields = {
                "stop_price": product.price_text(stop),
                "stop_direction": f"STOP_DIRECTION_STOP_{way}",
            }
        else:
            order.rising = buys
            stop = last + (away if buys else -away)
            limit = last + self.draw.choice((1, 3, 8, 20, 0)) * (-1 if buys else 1)
            fields = {"stop_trigger_price": product.price_text(stop)}
        order.stop = decimal_of(stop, product.price_places)
        order.limit = decimal_of(limit, product.price_places)
        fields |= {"limit_price": product.price_text(limit), "base_size": product.base_text(lots)}
        name = {"stop": "stop_limit_stop_limit", "bracket": "trigger_bracket"}[kind]
        fields |= self._end(order)
        return {"order_configuration": {f"{name}_{force}": fields}}, order

    def _end(self, order: slow.Order) -> dict[str, str]:
        if order.force != "gtd":
            return {}
        order.end_ns = self.pair.now_ns + self.draw.choice((1, 5, 60, 900)) * SECOND_NS
        return {"end_time": time_text(order.end_ns)}


def _order(product: Product, buys: bool, kind: str, force: str, lots: int) -> slow.Order:
    """An order of the model; what it does not need is left out."""
    return slow.Order(
        product=product.product_id,
        buys=buys,
        kind=kind,
        force=force,
        limit=None,
        size=decimal_of(lots, product.base_places),
        money=None,
        stop=None,
        rising=False,
        post_only=False,
        end_ns=slow.NEVER,
    )
