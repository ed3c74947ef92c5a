"""Field tables, second part: fees, portfolios, conversions, futures, payment methods, ``/v2``."""

from tests.conformance.checks import (
    AMOUNT,
    BOOL,
    COUNT,
    DEC,
    DEC_OR_EMPTY,
    INT,
    NAME,
    NULL,
    NUMBER,
    TEXT,
    TS,
    UUID,
    by_key,
    listed,
    one_of,
    or_null,
    table,
    texts,
)
from tests.conformance.schema import ENUM

FEES = table(
    {
        **texts(
            "total_volume total_fees advanced_trade_only_volume advanced_trade_only_fees"
            " coinbase_pro_volume coinbase_pro_fees",
            NUMBER,
        ),
        "fee_tier": table(
            {
                **texts("pricing_tier usd_from usd_to aop_from aop_to"),
                **texts("taker_fee_rate maker_fee_rate", DEC),
            }
        ),
        "margin_rate": NULL,
        "goods_and_services_tax": NULL,
        "total_balance": DEC_OR_EMPTY,
    },
    {"has_promo_fee": BOOL, "has_cost_plus_commission": BOOL},
)
KEY_PERMISSIONS = table(
    {
        **texts("can_view can_trade can_transfer", BOOL),
        "portfolio_uuid": UUID,
        "portfolio_type": one_of("UNDEFINED", "DEFAULT", "CONSUMER", "INTX"),
    }
)
PORTFOLIO_TABLE = table(
    {
        "name": NAME,
        "uuid": UUID,
        "type": one_of("UNDEFINED", "DEFAULT", "CONSUMER", "INTX"),
        "deleted": BOOL,
    }
)
PORTFOLIO = table({"portfolio": PORTFOLIO_TABLE})
PORTFOLIOS = table({"portfolios": listed(PORTFOLIO_TABLE)})
SPOT_POSITION = table(
    {
        "asset": NAME,
        "account_uuid": UUID,
        **texts(
            "total_balance_fiat total_balance_crypto available_to_trade_fiat"
            " available_to_trade_crypto available_to_transfer_fiat available_to_transfer_crypto"
            " available_to_send_fiat available_to_send_crypto allocation unrealized_pnl"
            " funding_pnl",
            NUMBER,
        ),
        **texts("cost_basis average_entry_price", AMOUNT),
        **texts("asset_img_url asset_color account_type"),
        "asset_uuid": UUID,
        "is_cash": BOOL,
    }
)
PORTFOLIO_CONTRACTS = table(
    {
        **texts("product_id underlying_asset", NAME),
        "side": one_of("FUTURES_POSITION_SIDE_LONG", "FUTURES_POSITION_SIDE_SHORT"),
        "amount": COUNT,
        **texts(
            "contract_size avg_entry_price current_price unrealized_pnl notional_value",
            DEC,
        ),
        "expiry": TS,
        "venue": one_of("FCM"),
    }
)
BREAKDOWN = table(
    {
        "breakdown": table(
            {
                "portfolio": PORTFOLIO_TABLE,
                "portfolio_balances": table(
                    texts(
                        "total_balance total_futures_balance total_cash_equivalent_balance"
                        " total_crypto_balance futures_unrealized_pnl perp_unrealized_pnl",
                        AMOUNT,
                    )
                ),
                "spot_positions": listed(SPOT_POSITION),
                "perp_positions": listed(NULL),
                "futures_positions": listed(PORTFOLIO_CONTRACTS),
            }
        )
    }
)
MOVED = table(texts("source_portfolio_uuid target_portfolio_uuid", UUID))
FEE = table({**texts("title description label"), "amount": AMOUNT})
PARTY = table(texts("type network payment_method_id"))
UNIT_PRICE = table({"amount": AMOUNT, "scale": INT})
CONVERSION = table(
    {
        "trade": table(
            {
                "id": UUID,
                "status": one_of(
                    *(
                        f"TRADE_STATUS_{word}"
                        for word in ["UNSPECIFIED", "CREATED", "STARTED", "COMPLETED", "CANCELED"]
                    )
                ),
                **texts(
                    "user_entered_amount amount subtotal total exchange_rate fiat_denoted_total",
                    AMOUNT,
                ),
                "fees": listed(FEE),
                "total_fee": FEE,
                **texts("source target", PARTY),
                "unit_price": table(
                    texts("target_to_fiat target_to_source source_to_fiat", UNIT_PRICE)
                ),
                "user_warnings": listed(by_key(TEXT)),
                **texts("user_reference source_currency target_currency source_id target_id", NAME),
                "total_fee_without_tax": NULL,
            }
        )
    }
)
PAYMENT_METHOD_TABLE = table(
    {
        **texts("id type name currency", NAME),
        **texts("verified allow_buy allow_sell allow_deposit allow_withdraw", BOOL),
        "created_at": TS,
        "updated_at": or_null(TS),
    }
)
PAYMENT_METHODS = table({"payment_methods": listed(PAYMENT_METHOD_TABLE)})
PAYMENT_METHOD = table({"payment_method": PAYMENT_METHOD_TABLE})

# --- futures -------------------------------------------------------------------------------------
MARGIN_MEASURE = table(
    {
        "margin_window_type": one_of(
            "FCM_MARGIN_WINDOW_TYPE_INTRADAY", "FCM_MARGIN_WINDOW_TYPE_OVERNIGHT"
        ),
        "margin_level": one_of(
            "MARGIN_LEVEL_TYPE_BASE", "MARGIN_LEVEL_TYPE_WARNING", "MARGIN_LEVEL_TYPE_LIQUIDATION"
        ),
        **texts("initial_margin maintenance_margin total_hold futures_buying_power", AMOUNT),
        "liquidation_buffer_percentage": DEC,
    }
)
FUTURES_BALANCE = table(
    {
        "balance_summary": table(
            {
                **texts(
                    "futures_buying_power total_usd_balance cbi_usd_balance cfm_usd_balance"
                    " total_open_orders_hold_amount unrealized_pnl daily_realized_pnl"
                    " initial_margin available_margin liquidation_threshold"
                    " liquidation_buffer_amount total_pending_transfers_amount funding_pnl",
                    AMOUNT,
                ),
                "liquidation_buffer_percentage": DEC,
                **texts(
                    "intraday_margin_window_measure overnight_margin_window_measure",
                    MARGIN_MEASURE,
                ),
            }
        )
    }
)
POSITION = table(
    {
        "product_id": NAME,
        "expiration_time": TS,
        "side": one_of("LONG", "SHORT"),
        "number_of_contracts": COUNT,
        **texts(
            "current_price avg_entry_price unrealized_pnl daily_realized_pnl total_fees entry_vwap"
            " liquidation_price im_contribution mm_contribution position_notional",
            AMOUNT,
        ),
        "contract_size": DEC,
        "leverage": DEC_OR_EMPTY,
    }
)
FUTURES_POSITION = table({"position": POSITION})
FUTURES_POSITIONS = table({"positions": listed(POSITION)})
SWEEPS = table(
    {
        "sweeps": listed(
            table(
                {
                    "id": UUID,
                    "requested_amount": AMOUNT,
                    "should_sweep_all": BOOL,
                    "status": one_of("PENDING", "PROCESSING"),
                    "scheduled_time": TS,
                }
            )
        )
    }
)
SUCCESS = table({"success": BOOL})
MARGIN_SETTING = table(
    {"setting": one_of("INTRADAY_MARGIN_SETTING_STANDARD", "INTRADAY_MARGIN_SETTING_INTRADAY")}
)
MARGIN_WINDOW = table(
    {
        "margin_window": table({"margin_window_type": ENUM, "end_time": TS}),
        **texts(
            "is_intraday_margin_killswitch_enabled"
            " is_intraday_margin_enrollment_killswitch_enabled",
            BOOL,
        ),
    }
)

# --- /v2 -----------------------------------------------------------------------------------------
V2_TIME = table({"data": table({"iso": TS, "epoch": INT})})
V2_CURRENCIES = table({"data": listed(table({**texts("id name", NAME), "min_size": DEC}))})
V2_CRYPTO = table(
    {
        "data": listed(
            table(
                {
                    **texts("asset_id code name color", NAME),
                    **texts("sort_index exponent", INT),
                    "type": one_of("crypto"),
                    "address_regex": TEXT,
                }
            )
        )
    }
)
V2_RATES = table({"data": table({"currency": NAME, "rates": by_key(DEC)})})
V2_CURRENCY = table(
    {
        **texts("code name color", NAME),
        **texts("exponent sort_index", INT),
        "type": one_of("fiat", "crypto"),
    }
)
V2_ACCOUNT = table(
    {
        **texts("id name resource resource_path", NAME),
        "type": one_of("wallet", "fiat", "vault"),
        **texts("primary allow_deposits allow_withdrawals", BOOL),
        "currency": V2_CURRENCY,
        "balance": table({"amount": DEC, "currency": NAME}),
        **texts("created_at updated_at", TS),
    }
)
V2_ACCOUNTS = table(
    {
        "pagination": table(
            {
                **texts(
                    "ending_before starting_after previous_ending_before next_starting_after"
                    " previous_uri next_uri",
                    or_null(TEXT),
                ),
                "limit": INT,
                "order": TEXT,
            }
        ),
        "data": listed(V2_ACCOUNT),
    }
)
