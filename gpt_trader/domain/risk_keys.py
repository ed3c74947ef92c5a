"""The variables `RISK_*` of the operations runbook: which limit each is, and which are refused.

A name that would bind nothing is never taken in silence: it is refused, and the reason is said.
"""

import re

RISK_LIMITS = {
    "RISK_MAX_POSITION_PCT_PER_SYMBOL": "position_rate_max",
    "RISK_MAX_EXPOSURE_PCT": "exposure_rate_max",
    "RISK_SLIPPAGE_GUARD_BPS": "collar_bps_max",
    "RISK_MAX_MARK_STALENESS_SECONDS": "mark_age_s_max",
    "RISK_DAILY_LOSS_LIMIT": "daily_loss_max",
}
"""Other names of limits, in the limit's own unit."""

SHARES = frozenset(name for name in RISK_LIMITS if "PCT" in name)
"""Variables called percent that take a fraction, as the original did: 5 would be 500 %."""

RISK_MAPS = {"RISK_MAX_NOTIONAL_PER_SYMBOL": "position_notional_max"}
"""Variables that hold a value for each product, `BTC-USD:5000,ETH-USD:3000`, and their limit."""

OF_A_PRODUCT = frozenset(RISK_MAPS.values())
"""Limits that a product may have of its own."""

_BY_DAY = "contracts have one leverage_max by day and by night, so it would bind nothing"
_RATES = "margin rates are Coinbase's own, the dearer of day and night, so it would bind nothing"
_NO_BREAKER = "this version has no volatility breaker, so it would bind nothing"

RISK_REFUSED = {
    "RISK_CONFIG_PATH": "a file in its place would hide every other RISK_ variable; write limits "
    "into gpt_trader.toml, under [limits]",
    "RISK_MAX_TOTAL_EXPOSURE_PCT": "write RISK_MAX_EXPOSURE_PCT, the one name of that limit",
    "RISK_MAX_LEVERAGE": "write leverage_max, of contracts, into gpt_trader.toml, under [limits]",
    "RISK_LEVERAGE_MAX_PER_SYMBOL": "leverage_max is one for all contracts together",
    "RISK_DAYTIME_START_UTC": _BY_DAY,
    "RISK_DAYTIME_END_UTC": _BY_DAY,
    "RISK_DAY_LEVERAGE_MAX_PER_SYMBOL": _BY_DAY,
    "RISK_NIGHT_LEVERAGE_MAX_PER_SYMBOL": _BY_DAY,
    "RISK_DAY_MMR_PER_SYMBOL": _RATES,
    "RISK_NIGHT_MMR_PER_SYMBOL": _RATES,
    "RISK_DEFAULT_MMR": _RATES,
    "RISK_MIN_LIQUIDATION_BUFFER_PCT": "write liquidation_buffer_min, in percent of the "
    "maintenance margin, into gpt_trader.toml, under [limits]",
    "RISK_ENABLE_PRE_TRADE_LIQ_PROJECTION": "the distance from liquidation is always judged",
    "RISK_ENABLE_VOLATILITY_CB": _NO_BREAKER,
    "RISK_MAX_INTRADAY_VOL": _NO_BREAKER,
    "RISK_VOL_WINDOW_PERIODS": _NO_BREAKER,
    "RISK_CB_COOLDOWN_MIN": _NO_BREAKER,
    "RISK_VOL_WARNING_THRESH": _NO_BREAKER,
    "RISK_VOL_REDUCE_ONLY_THRESH": _NO_BREAKER,
    "RISK_VOL_KILL_SWITCH_THRESH": _NO_BREAKER,
}
"""Variables that are known and not taken, each with the reason."""

_PRODUCT_ID = re.compile(r"[A-Z0-9]{1,20}(-[A-Z0-9]{2,10}){1,2}")


def is_product_id(text: str) -> bool:
    """Whether it has the form of a product id: BTC-USD, or BIP-20DEC30-CDE of a contract."""
    return _PRODUCT_ID.fullmatch(text) is not None


def entries(text: str) -> dict[str, str]:
    """The values of `BTC-USD:5000,ETH-USD:3000` by product, still as text.

    Raises
    ------
    ValueError
        With one clear sentence: an entry is no product and value, or names a product again.
    """
    found: dict[str, str] = {}
    for entry in text.split(","):
        product_id, colon, value = (part.strip() for part in entry.partition(":"))
        if not colon or not value or not is_product_id(product_id):
            raise ValueError(f"{entry.strip()!r} is no entry; write BTC-USD:5000,ETH-USD:3000")
        if product_id in found:
            raise ValueError(f"{product_id} is named twice")
        found[product_id] = value
    return found
