"""Field tables of the WebSocket: every message that a client gets, by channel."""

from typing import Any

from tests.conformance.checks import (
    COUNT,
    DEC,
    DEC_OR_EMPTY,
    INT,
    NAME,
    SIDE,
    STATUS,
    TEXT,
    TIME_IN_FORCE,
    TRIGGER_STATUS,
    TS,
    Check,
    Mismatch,
    by_key,
    listed,
    one_of,
    pattern,
    table,
    texts,
)

KIND = one_of("snapshot", "update")
TICKER = {
    "type": one_of("ticker"),
    "product_id": NAME,
    **texts(
        "price volume_24_h low_24_h high_24_h low_52_w high_52_w price_percent_chg_24_h",
        DEC_OR_EMPTY,
    ),
}
BEST = texts("best_bid best_bid_quantity best_ask best_ask_quantity", DEC_OR_EMPTY)
LEVEL = table(
    {
        "side": one_of("bid", "offer"),
        "event_time": TS,
        "price_level": DEC,
        "new_quantity": DEC,
    }
)
TRADE = table(
    {
        "trade_id": COUNT,
        "product_id": NAME,
        "price": DEC,
        "size": DEC,
        "side": SIDE,
        "time": TS,
    }
)
CANDLE = table({"start": COUNT, **texts("high low open close volume", DEC), "product_id": NAME})
PRODUCT = table(
    {
        "product_type": one_of("SPOT", "FUTURE"),
        **texts("id quote_currency display_name", NAME),
        "base_currency": TEXT,  # "" for contracts
        **texts("base_increment quote_increment min_market_funds", DEC),
        "status": one_of("online", "offline", "delisted", ""),
        "status_message": TEXT,
    }
)
ORDER = table(
    {
        **texts("order_id client_order_id product_id retail_portfolio_id", NAME),
        "order_side": SIDE,
        "order_type": one_of("Limit", "Market", "Stop Limit", "Bracket", "Liquidation"),
        "status": STATUS,
        "time_in_force": TIME_IN_FORCE,
        "trigger_status": TRIGGER_STATUS,
        "product_type": one_of("SPOT", "FUTURE"),
        "contract_expiry_type": one_of("UNKNOWN_CONTRACT_EXPIRY_TYPE", "EXPIRING", "PERPETUAL"),
        "risk_managed_by": one_of(
            "UNKNOWN_RISK_MANAGEMENT_TYPE", "MANAGED_BY_FCM", "MANAGED_BY_VENUE"
        ),
        **texts(
            "cumulative_quantity leaves_quantity avg_price total_fees filled_value"
            " total_value_after_fees completion_percentage outstanding_hold_amount",
            DEC,
        ),
        "number_of_fills": COUNT,
        "post_only": one_of("true", "false"),
        **texts("limit_price stop_price", DEC_OR_EMPTY),
        **texts("cancel_reason reject_reason"),
        **texts("creation_time end_time start_time", TS),
    }
)
CONTRACTS = table(
    {
        "product_id": NAME,
        "side": one_of("Long", "Short"),
        "number_of_contracts": COUNT,
        **texts("realized_pnl unrealized_pnl entry_price", DEC),
    }
)
POSITIONS = table(
    {
        **texts("perpetual_futures_positions prediction_market_positions", listed(by_key(TEXT))),
        "expiring_futures_positions": listed(CONTRACTS),
    }
)
MEASURE = table(
    {
        **texts("margin_window_type margin_level", NAME),
        **texts(
            "initial_margin maintenance_margin liquidation_buffer_percentage total_hold"
            " futures_buying_power",
            DEC,
        ),
    }
)
FUTURES = table(
    {
        **texts(
            "futures_buying_power total_usd_balance cbi_usd_balance cfm_usd_balance"
            " total_open_orders_hold_amount unrealized_pnl daily_realized_pnl initial_margin"
            " available_margin liquidation_threshold liquidation_buffer_amount"
            " liquidation_buffer_percentage",
            DEC,
        ),
        **texts("intraday_margin_window_measure overnight_margin_window_measure", MEASURE),
    }
)
GO_TIME = pattern(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC m=\+\d+(\.\d+)?", "a time as Go writes it"
)
EVENTS: dict[str, Check] = {
    "heartbeats": table({"current_time": GO_TIME, "heartbeat_counter": INT}),
    "subscriptions": table({"subscriptions": by_key(listed(NAME))}),
    "ticker": table({"type": KIND, "tickers": listed(table({**TICKER, **BEST}))}),
    "ticker_batch": table({"type": KIND, "tickers": listed(table(TICKER))}),
    "l2_data": table({"type": KIND, "product_id": NAME, "updates": listed(LEVEL)}),
    "market_trades": table({"type": KIND, "trades": listed(TRADE)}),
    "candles": table({"type": KIND, "candles": listed(CANDLE)}),
    "status": table({"type": KIND, "products": listed(PRODUCT)}),
    "futures_balance_summary": table({"type": one_of("snapshot"), "fcm_balance_summary": FUTURES}),
    "user": table({"type": KIND, "orders": listed(ORDER), "positions": POSITIONS}),
}
BARE = table({"type": one_of("error"), "message": NAME})


class Frames:
    """Checks the messages of one connection: tables, and numbers without a gap from 0."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._following = 0

    def check(self, message: dict[str, Any]) -> None:
        """Check the next message.

        Raises
        ------
        Mismatch
            It differs from its table, or a number is missing.
        """
        if "channel" not in message:
            BARE(message, "error")
            self._count("error")
            return
        channel = message["channel"]
        if channel not in EVENTS:
            raise Mismatch(f"no table for channel {channel}")
        envelope = {
            "channel": NAME,
            "client_id": one_of(""),
            "timestamp": TS,
            "sequence_num": INT,
            "events": listed(EVENTS[channel]),
        }
        table(envelope)(message, channel)
        if len(message["events"]) != 1:  # some clients read the first only
            raise Mismatch(f"{channel}: {len(message['events'])} events in a message")
        if message["sequence_num"] != self._following:
            raise Mismatch(f"{channel}: number {message['sequence_num']}, not {self._following}")
        self._following += 1
        self._count(channel)

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1
