"""Coinbase's field tables as data: which fields a body has, their types, enums, where null may be.

Written from the Advanced Trade reference, not from the exchange: the two meet in the tests only.
A field that no table knows is a fault, as is one that is missing, null where clients crash on it,
a number that should be text, or a word outside its enum.
"""

from typing import Any

from tests.conformance.checks import (
    AMOUNT,
    BOOL,
    COUNT,
    DEC,
    DEC_OR_EMPTY,
    INT,
    NAME,
    NULL,
    PRODUCT_TYPE,
    SIDE,
    STATUS,
    TEXT,
    TIME_IN_FORCE,
    TRIGGER_STATUS,
    TS,
    Check,
    by_key,
    listed,
    one_of,
    or_null,
    pattern,
    table,
    texts,
)

# --- errors --------------------------------------------------------------------------------------
ERROR = table({"error": NAME, "error_details": TEXT, "message": NAME})
UNAUTHORIZED = one_of("Unauthorized")  # plain text
TOO_MANY = table({"errors": listed(table({"id": NAME, "message": NAME}))})

# --- accounts ------------------------------------------------------------------------------------
ACCOUNT = table(
    {
        **texts("uuid name currency retail_portfolio_id", NAME),
        "available_balance": AMOUNT,
        "hold": AMOUNT,
        **texts("default active ready", BOOL),
        **texts("created_at updated_at", TS),
        "deleted_at": or_null(TS),
        "type": one_of("ACCOUNT_TYPE_CRYPTO", "ACCOUNT_TYPE_FIAT"),
        "platform": one_of("ACCOUNT_PLATFORM_CONSUMER", "ACCOUNT_PLATFORM_CFM_CONSUMER"),
    }
)
ACCOUNTS = table({"accounts": listed(ACCOUNT), "has_next": BOOL, "cursor": TEXT, "size": INT})

# --- products ------------------------------------------------------------------------------------
SESSION = table(
    {
        **texts("is_session_open after_hours_order_entry_disabled", BOOL),
        **texts("open_time close_time", TS),
        "session_state": one_of(
            "FCM_TRADING_SESSION_STATE_UNDEFINED", "FCM_TRADING_SESSION_STATE_OPEN"
        ),
        "closed_reason": one_of(
            "FCM_TRADING_SESSION_CLOSED_REASON_UNDEFINED",
            "FCM_TRADING_SESSION_CLOSED_REASON_EXCHANGE_MAINTENANCE",
        ),
        "maintenance": or_null(table(texts("start_time end_time", TS))),
    }
)
MARGIN_RATES = table(texts("long_margin_rate short_margin_rate", DEC))
FUTURE_DETAILS = table(
    {
        **texts(
            "venue contract_code contract_root_unit group_description contract_expiry_timezone"
            " group_short_description contract_display_name contract_expiry_name display_name",
            NAME,
        ),
        "contract_expiry": TS,
        **texts("contract_size open_interest", DEC),
        "risk_managed_by": one_of("MANAGED_BY_FCM"),
        "contract_expiry_type": one_of("EXPIRING"),
        "perpetual_details": table(
            {
                **texts("open_interest funding_rate max_leverage", DEC_OR_EMPTY),
                "funding_time": or_null(TS),
                **texts("base_asset_uuid underlying_type"),
            }
        ),
        "time_to_expiry_ms": COUNT,
        **texts("non_crypto twenty_four_by_seven", BOOL),
        "funding_interval": one_of("3600s"),
        **texts("funding_rate settlement_price index_price", DEC_OR_EMPTY),
        "funding_time": or_null(TS),
        "region_enabled": by_key(BOOL),
        **texts("intraday_margin_rate overnight_margin_rate", MARGIN_RATES),
        "futures_asset_type": one_of("FUTURES_ASSET_TYPE_CRYPTO"),
        **texts("contract_code_display_name product_group_cbrn"),
    }
)
PRODUCT = table(
    {
        **texts("product_id product_venue display_name quote_currency_id", NAME),
        **texts(
            "price price_percentage_change_24h volume_24h volume_percentage_change_24h"
            " approximate_quote_24h_volume mid_market_price best_bid_price best_ask_price",
            DEC_OR_EMPTY,
        ),
        **texts(
            "base_increment quote_increment price_increment base_min_size base_max_size"
            " quote_min_size quote_max_size",
            DEC,
        ),
        **texts("base_name quote_name base_display_symbol quote_display_symbol base_currency_id"),
        **texts(
            "watched is_disabled new cancel_only limit_only post_only trading_disabled auction_mode"
            " view_only",
            BOOL,
        ),
        "status": one_of("online", "offline", "delisted", ""),
        "product_type": PRODUCT_TYPE,
        "product_venue": one_of("CBE", "FCM"),
        "alias": TEXT,
        "alias_to": listed(NAME),
        "new_at": or_null(TS),
        "fcm_trading_session_details": or_null(SESSION),
    },
    {
        "future_product_details": FUTURE_DETAILS,
        **texts(
            "market_cap icon_color icon_url display_name_overwrite about_description base_cbrn"
            " quote_cbrn product_cbrn"
        ),
        **texts("high_24h low_24h", DEC_OR_EMPTY),
        "is_alpha_testing": BOOL,
    },
)
PAGINATION = table({**texts("prev_cursor next_cursor"), **texts("has_next has_prev", BOOL)})
PRODUCTS = table(
    {"products": listed(PRODUCT), "num_products": INT}, {"pagination": or_null(PAGINATION)}
)

# --- market data ---------------------------------------------------------------------------------
LEVEL = table({"price": DEC, "size": DEC})
PRICE_BOOK = table({"product_id": NAME, "bids": listed(LEVEL), "asks": listed(LEVEL), "time": TS})
PRODUCT_BOOK = table(
    {"pricebook": PRICE_BOOK, **texts("last mid_market spread_bps spread_absolute", DEC_OR_EMPTY)}
)
BEST_BID_ASK = table({"pricebooks": listed(PRICE_BOOK)})
CANDLE_FIELDS = {"start": COUNT, **texts("low high open close volume", DEC)}
CANDLES = table({"candles": listed(table(CANDLE_FIELDS))})
TRADE_FIELDS: dict[str, Check] = {
    "trade_id": COUNT,
    "product_id": NAME,
    "price": DEC,
    "size": DEC,
    "time": TS,
    "side": SIDE,
}
TRADES = table(
    {
        "trades": listed(
            table({**TRADE_FIELDS, "bid": DEC_OR_EMPTY, "ask": DEC_OR_EMPTY, "exchange": TEXT})
        ),
        "best_bid": DEC_OR_EMPTY,
        "best_ask": DEC_OR_EMPTY,
    }
)
TIME = table({"iso": TS, "epochSeconds": COUNT, "epochMillis": COUNT})

# --- orders --------------------------------------------------------------------------------------
FLAGS = texts("post_only rfq_disabled rfq_enabled reduce_only", BOOL)
SIZES = texts("base_size quote_size", DEC)
LIMIT = {**SIZES, "limit_price": DEC, **FLAGS}
STOP_DIRECTION = one_of("STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN")
STOP = {**LIMIT, "stop_price": DEC, "stop_direction": STOP_DIRECTION}
BRACKET = {**SIZES, **FLAGS, "limit_price": DEC, "stop_trigger_price": DEC}
CONFIGURATION = table(
    {},
    {
        "market_market_ioc": table({}, {**SIZES, **FLAGS}),
        "market_market_fok": table({}, {**SIZES, **FLAGS}),
        "sor_limit_ioc": table({}, LIMIT),
        "limit_limit_gtc": table({}, LIMIT),
        "limit_limit_gtd": table({}, {**LIMIT, "end_time": TEXT}),
        "limit_limit_fok": table({}, LIMIT),
        "stop_limit_stop_limit_gtc": table({}, STOP),
        "stop_limit_stop_limit_gtd": table({}, {**STOP, "end_time": TEXT}),
        "trigger_bracket_gtc": table({}, BRACKET),
        "trigger_bracket_gtd": table({}, {**BRACKET, "end_time": TEXT}),
    },
)
COMMISSION = table(
    {
        f"{part}_commission": DEC_OR_EMPTY
        for part in ["total", "gst", "withholding", "client", "venue", "regulatory", "clearing"]
    }
)
EDIT = table({"price": DEC, "size": DEC, "replace_accept_timestamp": TS})
ORDER = table(
    {
        **texts("order_id product_id user_id client_order_id", NAME),
        "order_configuration": CONFIGURATION,
        "side": SIDE,
        "status": STATUS,
        "time_in_force": TIME_IN_FORCE,
        "created_time": TS,
        **texts(
            "completion_percentage filled_size average_filled_price filled_value total_fees"
            " total_value_after_fees outstanding_hold_amount",
            DEC,
        ),
        **texts(
            "fee reject_message cancel_message leverage retail_portfolio_id originating_order_id"
            " attached_order_id"
        ),
        "number_of_fills": COUNT,
        **texts("pending_cancel size_in_quote size_inclusive_of_fees settled is_liquidation", BOOL),
        "trigger_status": TRIGGER_STATUS,
        "order_type": one_of("MARKET", "LIMIT", "STOP_LIMIT", "BRACKET", "LIQUIDATION"),
        "reject_reason": one_of(
            "REJECT_REASON_UNSPECIFIED",
            "HOLD_FAILURE",
            "TOO_MANY_OPEN_ORDERS",
            "REJECT_REASON_INSUFFICIENT_FUNDS",
            "RATE_LIMIT_EXCEEDED",
        ),
        "product_type": PRODUCT_TYPE,
        "order_placement_source": one_of("RETAIL_ADVANCED"),
        "last_fill_time": or_null(TS),
        "edit_history": listed(EDIT),
        "margin_type": one_of("CROSS", "ISOLATED", "UNKNOWN_MARGIN_TYPE", ""),
        "attached_order_configuration": or_null(CONFIGURATION),
        "current_pending_replace": or_null(by_key(TEXT)),
    },
    {
        "product_details": or_null(by_key(TEXT)),
        "commission_detail_total": COMMISSION,
        **texts("workable_size workable_size_completion_pct", DEC_OR_EMPTY),
        "cost_basis_method": TEXT,
        "displayed_order_config": TEXT,
        "last_update_time": TS,
    },
)
ORDERS = table({"orders": listed(ORDER), "sequence": TEXT, "has_next": BOOL, "cursor": TEXT})
FILL = table(
    {
        **texts("entry_id order_id product_id user_id retail_portfolio_id", NAME),
        "trade_id": COUNT,
        "trade_time": TS,
        "sequence_timestamp": TS,
        "trade_type": one_of("FILL"),
        **texts("price size commission", DEC),
        "size_in_quote": BOOL,
        "liquidity_indicator": one_of("MAKER", "TAKER"),
        "side": SIDE,
    },
    {"fillSource": one_of("FILL_SOURCE_CLOB"), "commission_detail_total": COMMISSION},
)
FILLS = table({"fills": listed(FILL), "cursor": TEXT})
CREATED = table(
    {
        "success": one_of(True),
        "success_response": table(
            {
                **texts("order_id product_id client_order_id", NAME),
                "side": SIDE,
                "attached_order_id": TEXT,
            }
        ),
        "order_configuration": CONFIGURATION,
    }
)
ENUM = pattern(r"[A-Z0-9_]+", "an enum's word")
REJECTED = table(
    {
        "success": one_of(False),
        "error_response": table(
            {
                **texts("error preview_failure_reason new_order_failure_reason", ENUM),
                "message": NAME,
                "error_details": TEXT,
            }
        ),
        "order_configuration": CONFIGURATION,
    }
)
CANCELS = table(
    {"results": listed(table({"success": BOOL, "failure_reason": ENUM, "order_id": TEXT}))}
)
EDIT_ERRORS = listed(
    table({}, {"edit_failure_reason": or_null(ENUM), "preview_failure_reason": or_null(ENUM)})
)
EDITED = table({"success": BOOL, "errors": EDIT_ERRORS})
EDIT_PREVIEW = table(
    {
        "errors": EDIT_ERRORS,
        **texts(
            "slippage order_total commission_total quote_size base_size best_bid best_ask"
            " average_filled_price",
            DEC_OR_EMPTY,
        ),
    },
    {
        "order_margin_total": DEC_OR_EMPTY,
        "commission_detail_total": or_null(COMMISSION),
        "pnl_configuration": or_null(by_key(TEXT)),
    },
)
PREVIEW = table(
    {
        **texts(
            "order_total commission_total quote_size base_size best_bid best_ask"
            " order_margin_total leverage long_leverage short_leverage slippage"
            " current_liquidation_buffer projected_liquidation_buffer max_leverage"
            " est_average_filled_price position_notional_limit"
            " max_notional_at_requested_leverage",
            DEC_OR_EMPTY,
        ),
        "errs": listed(ENUM),
        "warning": listed(ENUM),
        "is_max": BOOL,
        "preview_id": TEXT,
        "pnl_configuration": or_null(by_key(TEXT)),
        "twap_bucket_metadata": NULL,
        "scaled_metadata": NULL,
        "margin_ratio_data": by_key(TEXT),
        "commission_detail_total": COMMISSION,
        "compliance_limit_data": NULL,
        "prediction_order_metadata": NULL,
    }
)


def created(value: Any, at: str) -> None:
    """Check the answer to a create, taken or refused."""
    (CREATED if isinstance(value, dict) and value.get("success") is True else REJECTED)(value, at)
