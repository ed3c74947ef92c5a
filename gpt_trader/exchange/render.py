"""The account on the wire: orders, fills, wallets and fees as Coinbase's JSON objects."""

from typing import Any

from gpt_trader.exchange.accounts import Accounts
from gpt_trader.exchange.decimals import CASH_UNITS
from gpt_trader.exchange.fees import FeeSchedule
from gpt_trader.exchange.orders import Edit, Fill, Order, OrderType, cash_number, cash_text
from gpt_trader.exchange.portfolios import Portfolio
from gpt_trader.exchange.previews import commission
from gpt_trader.exchange.reasons import Reason
from gpt_trader.exchange.seeds import seeded_uuid
from gpt_trader.exchange.timestamps import ZERO_TIME, time_text

Wire = dict[str, Any]

FIAT = frozenset({"USD", "EUR", "GBP"})
USER_TYPES = {kind: kind.replace("_", " ").title() for kind in OrderType}  # on the user channel
EDITS_SHOWN = 5
FIRST_TRADE_ID = 7_000_000_000  # of our fills; the market's trades count for themselves


class AccountRender:
    """Writes what belongs to the one account of this exchange."""

    def __init__(self, seed: int, opened_ns: int) -> None:
        self._seed = seed
        self.opened = time_text(opened_ns)
        self.user_id = seeded_uuid(seed, "user")
        self.portfolio_id = seeded_uuid(seed, "portfolio")

    def user_order(self, order: Order) -> Wire:
        """Write an order as the user channel shows it (coinbase-wire.md, 3.6)."""
        request = order.request
        left = order.left if order.active and order.left is not None else 0
        # A bracket shows both of its prices, whichever of them it works at.
        limit = order.limit if request.exit_price is None else request.limit
        trigger, spot = request.trigger, request.product.contract is None
        return {
            "avg_price": order.average_text(),
            "cancel_reason": order.cancel_message,
            "client_order_id": request.client_order_id,
            "completion_percentage": order.completion_text(),
            "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE" if spot else "EXPIRING",
            "cumulative_quantity": request.product.base_text(order.lots_filled),
            "filled_value": cash_text(order.notional),
            "leaves_quantity": request.product.base_text(left),
            "limit_price": "" if limit is None else request.product.price_text(limit),
            "number_of_fills": str(order.fills),
            "order_id": order.order_id,
            "order_side": str(request.side),
            "order_type": USER_TYPES[request.kind],
            "outstanding_hold_amount": order.hold_text(),
            "post_only": "true" if request.post_only else "false",
            "product_id": request.product.product_id,
            "product_type": request.product.product_type,
            "reject_reason": order.reject_reason,
            "retail_portfolio_id": self.portfolio_id,
            "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE" if spot else "MANAGED_BY_FCM",
            "status": order.status,
            "stop_price": "" if trigger is None else request.product.price_text(trigger.price),
            "time_in_force": str(request.time_in_force),
            "total_fees": cash_text(order.fee),
            "total_value_after_fees": cash_text(order.value_after_fees()),
            "trigger_status": str(order.trigger_status),
            "creation_time": time_text(order.created_ns),
            "end_time": ZERO_TIME if request.end_ns is None else time_text(request.end_ns),
            "start_time": ZERO_TIME,
        }

    def order(self, order: Order) -> Wire:
        """Write an order as REST shows it (coinbase-wire.md, 1.8)."""
        request = order.request
        attached, exits = request.attached, bool(order.originating_order_id)
        fees = cash_text(order.fee)
        return {
            "order_id": order.order_id,
            "product_id": request.product.product_id,
            "user_id": self.user_id,
            "order_configuration": request.configuration,
            "side": str(request.side),
            "client_order_id": request.client_order_id,
            "status": order.status,
            "time_in_force": str(request.time_in_force),
            "created_time": time_text(order.created_ns),
            "completion_percentage": order.completion_text(),
            "filled_size": request.product.base_text(order.lots_filled),
            "average_filled_price": order.average_text(),
            "fee": "",
            "number_of_fills": str(order.fills),
            "filled_value": cash_text(order.notional),
            "pending_cancel": order.status == "CANCEL_QUEUED",
            "size_in_quote": request.money is not None,
            "total_fees": fees,
            "size_inclusive_of_fees": request.money is not None,
            "total_value_after_fees": cash_text(order.value_after_fees()),
            "trigger_status": str(order.trigger_status),
            "order_type": str(request.kind),
            "reject_reason": order.reject_reason or "REJECT_REASON_UNSPECIFIED",
            "settled": not order.active and order.fills > 0,
            "product_type": request.product.product_type,
            "reject_message": order.reject_reason,
            "cancel_message": order.cancel_message,
            "order_placement_source": "RETAIL_ADVANCED",
            "outstanding_hold_amount": order.hold_text(),
            "is_liquidation": request.kind is OrderType.LIQUIDATION,
            "last_fill_time": None if order.last_fill_ns is None else time_text(order.last_fill_ns),
            "edit_history": [_edit(order, edit) for edit in order.edits[-EDITS_SHOWN:]],
            "leverage": request.leverage,
            "margin_type": "UNKNOWN_MARGIN_TYPE" if request.product.contract is None else "CROSS",
            "retail_portfolio_id": self.portfolio_id,
            "originating_order_id": order.originating_order_id,
            "attached_order_id": order.attached_order_id,
            "attached_order_configuration": attached and attached.configuration,
            "workable_size": request.product.base_text(request.lots or 0) if exits else "",
            "workable_size_completion_pct": order.completion_text() if exits else "",
            "current_pending_replace": None,
            "commission_detail_total": commission(fees),
            "last_update_time": time_text(order.last_update_ns),
        }

    def fill(self, fill: Fill) -> Wire:
        """Write a fill (coinbase-wire.md, 1.8). Its size is always in base."""
        when = time_text(fill.time_ns)
        fee = cash_text(fill.fee)
        return {
            "entry_id": seeded_uuid(self._seed, "entry", str(fill.number)),
            "trade_id": fill_trade_id(fill),
            "order_id": fill.order_id,
            "trade_time": when,
            "trade_type": "FILL",
            "price": fill.product.price_text(fill.ticks),
            "size": fill.product.base_text(fill.lots),
            "commission": fee,
            "product_id": fill.product.product_id,
            "sequence_timestamp": when,
            "liquidity_indicator": str(fill.liquidity),
            "size_in_quote": False,
            "user_id": self.user_id,
            "side": str(fill.side),
            "retail_portfolio_id": self.portfolio_id,
            "fillSource": "FILL_SOURCE_CLOB",
            "commission_detail_total": commission(fee),
        }

    def wallet_id(self, currency: str) -> str:
        """Give the id of a currency's wallet."""
        return seeded_uuid(self._seed, "wallet", currency)

    def wallet(self, currency: str, accounts: Accounts, now_ns: int) -> Wire:
        """Write a wallet (coinbase-wire.md, 1.3)."""
        return {
            "uuid": self.wallet_id(currency),
            "name": f"{currency} Wallet",
            "currency": currency,
            "available_balance": money(accounts.available[currency], currency),
            "default": currency == "USD",
            "active": True,
            "created_at": self.opened,
            "updated_at": time_text(now_ns),
            "deleted_at": None,
            "type": "ACCOUNT_TYPE_FIAT" if currency in FIAT else "ACCOUNT_TYPE_CRYPTO",
            "ready": True,
            "hold": money(accounts.hold[currency], currency),
            "retail_portfolio_id": self.portfolio_id,
            "platform": "ACCOUNT_PLATFORM_CONSUMER",
        }

    def breakdown(self, portfolio: Portfolio, prices: dict[str, float], futures: int) -> Wire:
        """Write what a portfolio is worth; ``prices`` in USD by currency, where known.

        ``futures`` is the equity of its futures wallet, in cash units.
        """
        accounts = portfolio.accounts
        values = {
            name: (accounts.available[name] + accounts.hold[name]) / CASH_UNITS * price
            for name, price in prices.items()
            if name in accounts.available
        }
        total = sum(values.values())
        cash = sum(value for name, value in values.items() if name in FIAT)
        positions = [
            self._position(name, portfolio, prices.get(name, 0.0), total)
            for name in accounts.available
            if accounts.available[name] + accounts.hold[name]
        ]
        return {
            "portfolio": portfolio.record(deleted=False),
            "portfolio_balances": {
                "total_balance": _dollars(total + cash_number(futures)),
                "total_futures_balance": money(futures, "USD"),
                "total_cash_equivalent_balance": _dollars(cash),
                "total_crypto_balance": _dollars(total - cash),
                "futures_unrealized_pnl": _dollars(0.0),
                "perp_unrealized_pnl": _dollars(0.0),
            },
            "spot_positions": positions,
            "perp_positions": [],
            "futures_positions": [],
        }

    def _position(self, name: str, portfolio: Portfolio, price: float, total: float) -> Wire:
        accounts, traded = portfolio.accounts, portfolio.uuid == self.portfolio_id
        wallet = (name,) if traded else (name, portfolio.uuid)
        free = cash_number(accounts.available[name])
        owned = free + cash_number(accounts.hold[name])
        return {
            "asset": name,
            "account_uuid": seeded_uuid(self._seed, "wallet", *wallet),
            "total_balance_fiat": owned * price,
            "total_balance_crypto": owned,
            "available_to_trade_fiat": free * price,
            "available_to_trade_crypto": free,
            "available_to_transfer_fiat": free * price,
            "available_to_transfer_crypto": free,
            "available_to_send_fiat": free * price,
            "available_to_send_crypto": free,
            "allocation": owned * price / total if total else 0.0,
            "cost_basis": {"value": "0", "currency": "USD"},
            "average_entry_price": {"value": "0", "currency": "USD"},
            "asset_img_url": "",
            "is_cash": name in FIAT,
            "asset_uuid": seeded_uuid(self._seed, "asset", name),
            "unrealized_pnl": 0.0,
            "asset_color": "",
            "account_type": "ACCOUNT_TYPE_FIAT" if name in FIAT else "ACCOUNT_TYPE_CRYPTO",
            "funding_pnl": 0.0,
        }


def accepted_answer(order: Order) -> Wire:
    """Answer a create that made an order, or one whose order exists (coinbase-wire.md, 1.6)."""
    request = order.request
    return {
        "success": True,
        "success_response": {
            "order_id": order.order_id,
            "product_id": request.product.product_id,
            "side": str(request.side),
            "client_order_id": request.client_order_id,
            "attached_order_id": order.attached_order_id,
        },
        "order_configuration": request.configuration,
    }


def rejected_answer(reason: Reason, configuration: Wire) -> Wire:
    """Answer a create that is rejected: HTTP 200 all the same (coinbase-wire.md, 1.6)."""
    return {
        "success": False,
        "error_response": {
            "error": reason.error,
            "message": reason.message,
            "error_details": "",
            "preview_failure_reason": reason.preview,
            "new_order_failure_reason": reason.error,
        },
        "order_configuration": configuration,
    }


def fill_trade_id(fill: Fill) -> str:
    """Give the id of a fill: decimal digits, unique among fills."""
    return str(FIRST_TRADE_ID + fill.number)


def fill_number(trade_id: str) -> int:
    """Give the number of the fill that ``fill_trade_id`` named so."""
    return int(trade_id) - FIRST_TRADE_ID


def money(units: int, currency: str) -> Wire:
    """Write an amount with its currency."""
    return {"value": cash_text(units), "currency": currency}


def fee_summary(fees: FeeSchedule) -> Wire:
    """Write fee tier and 30-day volume (coinbase-wire.md, 1.9)."""
    tier, following = fees.tier()
    volume, paid = cash_number(fees.volume), cash_number(fees.fees)
    return {
        "total_volume": volume,
        "total_fees": paid,
        "fee_tier": {
            "pricing_tier": tier.name,
            "usd_from": str(tier.volume_from),
            "usd_to": "" if following is None else str(following),
            "taker_fee_rate": str(tier.taker_rate),
            "maker_fee_rate": str(tier.maker_rate),
            "aop_from": "",
            "aop_to": "",
        },
        "margin_rate": None,
        "goods_and_services_tax": None,
        "advanced_trade_only_volume": volume,
        "advanced_trade_only_fees": paid,
        "coinbase_pro_volume": 0.0,
        "coinbase_pro_fees": 0.0,
        "total_balance": "",
        "has_promo_fee": False,
    }


def _edit(order: Order, edit: Edit) -> Wire:
    product = order.request.product
    return {
        "price": product.price_text(edit.limit),
        "size": product.base_text(edit.lots),
        "replace_accept_timestamp": time_text(edit.time_ns),
    }


def _dollars(value: float) -> Wire:
    return {"value": f"{value:.2f}", "currency": "USD"}
