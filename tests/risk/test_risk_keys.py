"""Every `RISK_*` variable of the runbook: changing it changes a decision, or it is refused."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.order import TradingState
from gpt_trader.domain.risk_keys import RISK_LIMITS, RISK_MAPS, RISK_REFUSED
from gpt_trader.risk.limits import Limits
from gpt_trader.risk.verdicts import judge
from gpt_trader.settings import GUARDS, Settings, guarded, load_settings
from tests.risk.builders import SECOND_NS, USD, Changes, a_buy

RUNBOOK = (
    "RISK_MAX_LEVERAGE",
    "RISK_LEVERAGE_MAX_PER_SYMBOL",
    "RISK_DAYTIME_START_UTC",
    "RISK_DAYTIME_END_UTC",
    "RISK_DAY_LEVERAGE_MAX_PER_SYMBOL",
    "RISK_NIGHT_LEVERAGE_MAX_PER_SYMBOL",
    "RISK_DAY_MMR_PER_SYMBOL",
    "RISK_NIGHT_MMR_PER_SYMBOL",
    "RISK_MIN_LIQUIDATION_BUFFER_PCT",
    "RISK_ENABLE_PRE_TRADE_LIQ_PROJECTION",
    "RISK_DEFAULT_MMR",
    "RISK_DAILY_LOSS_LIMIT",
    "RISK_MAX_EXPOSURE_PCT",
    "RISK_MAX_TOTAL_EXPOSURE_PCT",
    "RISK_MAX_POSITION_PCT_PER_SYMBOL",
    "RISK_MAX_NOTIONAL_PER_SYMBOL",
    "RISK_SLIPPAGE_GUARD_BPS",
    "RISK_KILL_SWITCH_ENABLED",
    "RISK_REDUCE_ONLY_MODE",
    "RISK_MAX_MARK_STALENESS_SECONDS",
    "RISK_ENABLE_VOLATILITY_CB",
    "RISK_MAX_INTRADAY_VOL",
    "RISK_VOL_WINDOW_PERIODS",
    "RISK_CB_COOLDOWN_MIN",
    "RISK_VOL_WARNING_THRESH",
    "RISK_VOL_REDUCE_ONLY_THRESH",
    "RISK_VOL_KILL_SWITCH_THRESH",
    "RISK_CONFIG_PATH",
)
"""As the table of the runbook's environment variables has them."""

KEYS: list[tuple[str, str, str, Changes, str]] = [
    # variable, a value that allows the order, one a step tighter that denies it, the order, rule
    ("RISK_KILL_SWITCH_ENABLED", "0", "1", {}, "trading_state"),
    ("RISK_REDUCE_ONLY_MODE", "0", "1", {}, "trading_state"),
    ("RISK_MAX_POSITION_PCT_PER_SYMBOL", "0.2", "0.199999999", {"lots": 2000}, "position_cap"),
    ("RISK_MAX_EXPOSURE_PCT", "0.1", "0.099999999", {}, "exposure_cap"),
    ("RISK_SLIPPAGE_GUARD_BPS", "50", "49", {"ask_ticks": 100_500}, "price_collar"),
    (
        "RISK_MAX_MARK_STALENESS_SECONDS",
        "90",
        "89.999999999",
        {"mark_age_ns": 90 * SECOND_NS},
        "stale_mark",
    ),
    ("RISK_DAILY_LOSS_LIMIT", "100", "99.99999999", {"equity": 9900 * USD}, "daily_loss"),
    ("RISK_MAX_NOTIONAL_PER_SYMBOL", "ETH-USD:1000", "ETH-USD:999.99999999", {}, "position_cap"),
]


def settings_of(folder: Path, **environ: str) -> Settings:
    return load_settings({}, environ, folder)


def refusing(settings: Settings, changes: Changes) -> set[str]:
    """The rules that refuse one ETH-USD buy under these settings."""
    state = guarded(settings.kill_switch, settings.reduce_only)
    limits = Limits.from_mapping(settings.limits).of("ETH-USD")
    order = replace(a_buy(**changes), trading_state=state)
    return {verdict.rule for verdict in judge(order, limits) if verdict.denies}


@pytest.mark.parametrize(("key", "allows", "denies", "changes", "rule"), KEYS)
def test_changing_a_variable_by_a_step_changes_a_decision(
    tmp_path: Path, key: str, allows: str, denies: str, changes: Changes, rule: str
) -> None:
    assert refusing(settings_of(tmp_path, **{key: allows}), changes) == set()
    assert refusing(settings_of(tmp_path, **{key: denies}), changes) == {rule}


def test_every_variable_of_the_runbook_is_taken_or_refused_with_its_reason(tmp_path: Path) -> None:
    taken = {*RISK_LIMITS, *RISK_MAPS, *GUARDS.values()}

    assert taken | set(RISK_REFUSED) == set(RUNBOOK)
    assert not taken & set(RISK_REFUSED)
    assert {key for key, *_ in KEYS} == taken
    for key, reason in RISK_REFUSED.items():
        with pytest.raises(UsageError, match=f"environment: {key} is refused: ") as refusal:
            settings_of(tmp_path, **{key: "1"})
        assert reason in str(refusal.value)


def test_the_old_name_of_the_exposure_limit_is_refused_by_the_one_that_counts(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("RISK_MAX_TOTAL_EXPOSURE_PCT=0.5")

    with pytest.raises(UsageError, match=r"\.env line 1: .* write RISK_MAX_EXPOSURE_PCT"):
        settings_of(tmp_path)


@pytest.mark.parametrize("key", RISK_LIMITS)
def test_a_limit_that_is_no_finite_number_is_refused(tmp_path: Path, key: str) -> None:
    for text in ("NaN", "inf", "1,5", "BTC-USD:5", "a lot"):
        with pytest.raises(UsageError, match=f"environment {key}: "):
            settings_of(tmp_path, **{key: text})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("BTC-USD", "'BTC-USD' is no entry"),
        ("BTC-USD:", "'BTC-USD:' is no entry"),
        ("BTC-USD=5000", "'BTC-USD=5000' is no entry"),
        ("btc-usd:5000", "'btc-usd:5000' is no entry"),
        ("BTC-USD:5000,", "'' is no entry"),
        ("BTC-USD:5000;ETH-USD:1", "BTC-USD is '5000;ETH-USD:1', not a number"),
        ("BTC-USD:5000,BTC-USD:5000", "BTC-USD is named twice"),
        ("BTC-USD:lots", "position_notional_max:BTC-USD is 'lots', not a number"),
        ("BTC-USD:NaN", "position_notional_max:BTC-USD is NaN; give a finite number"),
    ],
)
def test_a_map_that_is_not_understood_is_refused_whole(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        settings_of(tmp_path, RISK_MAX_NOTIONAL_PER_SYMBOL=text)

    assert said in str(refusal.value)


def test_a_map_binds_its_products_and_leaves_the_others_alone(tmp_path: Path) -> None:
    (tmp_path / "gpt_trader.toml").write_text(
        '[limits]\n"position_notional_max:ETH-USD" = 700\n"position_notional_max:SOL-USD" = 300\n'
    )

    settings = settings_of(tmp_path, RISK_MAX_NOTIONAL_PER_SYMBOL=" BTC-USD:5000 , ETH-USD:3000.5")

    limits = Limits.from_mapping(settings.limits)
    of = [limits.of(f"{base}-USD").position_notional_max for base in ("BTC", "ETH", "SOL", "ADA")]
    assert of == [5000, Decimal("3000.5"), 300, 10**9]
    assert settings.origin("limit_position_notional_max:ETH-USD") == (
        "environment RISK_MAX_NOTIONAL_PER_SYMBOL"
    )
    assert settings.origin("limit_position_notional_max:SOL-USD") == "gpt_trader.toml"


def test_two_names_of_one_limit_must_agree(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RISK_MAX_EXPOSURE_PCT=0.50")

    agreed = settings_of(tmp_path, GPT_TRADER_LIMIT_EXPOSURE_RATE_MAX="0.5")

    assert agreed.limits == {"exposure_rate_max": Decimal("0.5")}
    with pytest.raises(UsageError, match="of the same limit, exposure_rate_max: leave one of them"):
        settings_of(tmp_path, GPT_TRADER_LIMIT_EXPOSURE_RATE_MAX="0.8")


def test_guards_say_what_may_be_sent(tmp_path: Path) -> None:
    both = settings_of(tmp_path, RISK_KILL_SWITCH_ENABLED="1", RISK_REDUCE_ONLY_MODE="1")

    assert guarded(both.kill_switch, both.reduce_only) is TradingState.HALTED


@pytest.mark.parametrize("key", ["RISK_MAX_POSITION_PCT_PER_SYMBOL", "RISK_MAX_EXPOSURE_PCT"])
def test_a_percent_is_not_taken_for_a_fraction(tmp_path: Path, key: str) -> None:
    assert settings_of(tmp_path, **{key: "1"}).limits
    with pytest.raises(UsageError, match=rf"{key} is 5, .* 0\.05 is 5 %"):
        settings_of(tmp_path, **{key: "5"})
