"""The futures wallet on the wire: its balance summary and its positions.

REST shows amounts with their currency, the channels plain text (Advanced Trade reference, CFM
futures, futures_balance_summary and user). The available margin is the equity less what open orders
of contracts reserve; the liquidation threshold is the maintenance margin in force, the buffer what
the available margin has above it, its percentage the buffer in percent of the threshold. A window's
margin level is WARNING when the equity is below its initial margin, and LIQUIDATION when it is
below its maintenance margin.
"""

from collections.abc import Callable
from typing import Any

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.contract_orders import ContractOrders
from gpt_trader.exchange.decimals import CASH_PLACES, decimal_text, ratio_text
from gpt_trader.exchange.margin import MarginAccount
from gpt_trader.exchange.margin_needs import Window
from gpt_trader.exchange.orders import cash_text
from gpt_trader.exchange.positions import Position, terms, worth
from gpt_trader.exchange.render import money
from gpt_trader.exchange.timestamps import time_text

Wire = dict[str, Any]

UNUSED_PERCENTAGE = "1000"  # Coinbase's round figure while no margin is in use
PERCENT_PLACES = 2
LEVERAGE_PLACES = 2


class FuturesReads:
    """Writes what the futures wallet of one account holds and may still do."""

    def __init__(self, margin: MarginAccount, contracts: ContractOrders, *, exists: bool) -> None:
        self._margin = margin
        self._contracts = contracts
        self._exists = exists

    def free(self, window: Window) -> int:
        """Give what no position and no order needs, in cash units."""
        return max(self._margin.equity() - self._contracts.required(window), 0)

    def amounts(self, now_ns: int) -> dict[str, int]:
        """Give the amounts of the balance summary that need no look at the spot wallets."""
        margin = self._margin
        window = margin.window(now_ns)
        return {
            "futures_buying_power": self.free(window),
            "cfm_usd_balance": margin.ours.cash,
            "total_open_orders_hold_amount": self._contracts.reserved(window),
            "unrealized_pnl": margin.unrealized(),
            "daily_realized_pnl": margin.realized_today(now_ns),
            "initial_margin": margin.initial(window),
            "available_margin": margin.equity() - self._contracts.reserved(window),
            "liquidation_threshold": margin.maintenance(window),
            "liquidation_buffer_amount": self._contracts.buffer(window),
            "funding_pnl": margin.funding_today(now_ns),
        }

    def percentage(self, window: Window) -> str:
        """Write the distance from liquidation."""
        threshold = self._margin.maintenance(window)
        if not threshold:
            return UNUSED_PERCENTAGE if self._exists else "0"
        return ratio_text(self._contracts.buffer(window) * 100, threshold, PERCENT_PLACES)

    def measures(self, write: Callable[[int], Any]) -> Wire:
        """Write what both margin windows need; ``write`` gives an amount its form."""
        return {
            f"{window.lower()}_margin_window_measure": {
                "margin_window_type": f"FCM_MARGIN_WINDOW_TYPE_{window}",
                "margin_level": f"MARGIN_LEVEL_TYPE_{self._level(window)}",
                "initial_margin": write(self._margin.initial(window)),
                "maintenance_margin": write(self._margin.maintenance(window)),
                "liquidation_buffer_percentage": self.percentage(window),
                "total_hold": write(self._contracts.reserved(window)),
                "futures_buying_power": write(self.free(window)),
            }
            for window in Window
        }

    def positions(self, now_ns: int) -> list[Wire]:
        """Write the positions as REST shows them."""
        return [self._position(one, now_ns) for one in self._margin.ours.positions.values()]

    def user_positions(self, now_ns: int) -> list[Wire]:
        """Write the positions as the user channel shows them."""
        return [
            {
                "product_id": one.product.product_id,
                "side": "Long" if one.contracts > 0 else "Short",
                "number_of_contracts": str(abs(one.contracts)),
                "realized_pnl": cash_text(self._margin.realized_today(now_ns, one.product)),
                "unrealized_pnl": cash_text(one.unrealized(self._margin.needs.mark(one.product))),
                "entry_price": entry_text(one),
            }
            for one in self._margin.ours.positions.values()
        ]

    def portfolio_positions(self) -> list[Wire]:
        """Write the positions as a portfolio's breakdown shows them."""
        return [self._portfolio_position(one) for one in self._margin.ours.positions.values()]

    def _position(self, held: Position, now_ns: int) -> Wire:
        product = held.product
        mark, window = self._margin.needs.mark(product), self._margin.window(now_ns)
        notional, equity = worth(product, mark, abs(held.contracts)), self._margin.equity()
        needs = self._margin.needs
        maintenance = needs.maintenance(product, held.contracts, window)
        spare = equity - self._margin.maintenance(window) + maintenance
        limit = needs.liquidation_price(held, spare, window)
        return {
            "product_id": product.product_id,
            "expiration_time": time_text(terms(product).expiry_ns),
            "side": "LONG" if held.contracts > 0 else "SHORT",
            "number_of_contracts": str(abs(held.contracts)),
            "current_price": _dollars(product.price_text(mark)),
            "avg_entry_price": _dollars(entry_text(held)),
            "unrealized_pnl": money(held.unrealized(mark), "USD"),
            "daily_realized_pnl": money(self._margin.realized_today(now_ns, product), "USD"),
            "total_fees": money(held.fees, "USD"),
            "contract_size": decimal_text(terms(product).size, CASH_PLACES),
            "entry_vwap": _dollars(entry_text(held)),
            "liquidation_price": _dollars(product.average_text(*limit.as_integer_ratio())),
            "leverage": ratio_text(notional, equity, LEVERAGE_PLACES) if equity > 0 else "",
            "im_contribution": money(needs.initial(product, held.contracts, window), "USD"),
            "mm_contribution": money(maintenance, "USD"),
            "position_notional": money(notional, "USD"),
        }

    def _portfolio_position(self, held: Position) -> Wire:
        product, contract = held.product, terms(held.product)
        mark = self._margin.needs.mark(product)
        return {
            "product_id": product.product_id,
            "contract_size": decimal_text(contract.size, CASH_PLACES),
            "side": f"FUTURES_POSITION_SIDE_{'LONG' if held.contracts > 0 else 'SHORT'}",
            "amount": str(abs(held.contracts)),
            "avg_entry_price": entry_text(held),
            "current_price": product.price_text(mark),
            "unrealized_pnl": cash_text(held.unrealized(mark)),
            "expiry": time_text(contract.expiry_ns),
            "underlying_asset": contract.root,
            "notional_value": cash_text(worth(product, mark, abs(held.contracts))),
            "venue": "FCM",
        }

    def _level(self, window: Window) -> str:
        equity = self._margin.equity()
        if equity < self._margin.maintenance(window):
            return "LIQUIDATION"
        return "BASE" if equity >= self._margin.initial(window) else "WARNING"


def entry_text(held: Position) -> str:
    """Write the average price at which a position was entered."""
    product: Product = held.product
    contracts = abs(held.contracts) * terms(product).size
    return ratio_text(held.cost, contracts, product.price_places + CASH_PLACES)


def _dollars(text: str) -> Wire:
    return {"value": text, "currency": "USD"}
