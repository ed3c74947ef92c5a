"""A notebook's strategy in a live session: with the very choices that its backtest has."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.backtesting.backtest import backtest
from gpt_trader.domain.errors import UsageError
from gpt_trader.research.session import session
from gpt_trader.strategies.user import real, strategy, whole
from tests.backtesting.tapes import walk

FINE = 0.123456789012  # twelve digits
MILLION = 1_234_567


@strategy(level=real(0.5, 0.0, 1.0), most=whole(10, 1, 10_000_000), warmup=2)
def exact_only(candles, t, p):  # type: ignore[no-untyped-def]
    """Trades only if both numbers arrive to the last digit."""
    if p.level != 0.123456789012 or p.most != 1_234_567:
        return 0.0
    return 1.0 if candles.close[t] > candles.close[t - 1] else 0.0


def test_parameters_reach_the_session_to_the_last_digit(tmp_path: Path) -> None:
    params = {"level": FINE, "most": MILLION}

    live = session(walk(300, 1), exact_only, params=params, var=tmp_path)

    expected = backtest(walk(300, 1), exact_only, params=params)
    assert len(live.orders) > 10
    assert live.equity_end == expected.equity_end


def test_a_session_begins_with_the_cash_it_is_given(tmp_path: Path) -> None:
    live = session(walk(300, 1), "ma_crossover", cash=5_000, var=tmp_path, params=QUICK)

    expected = backtest(walk(300, 1), "ma_crossover", cash=5_000, params=QUICK)
    assert Decimal(live.summary["equity_start"]) == 5_000
    assert live.equity_end == expected.equity_end


QUICK = {"fast": 3, "slow": 9}


@pytest.mark.parametrize(
    "given, phrase",
    [
        ({"fees": 0.001}, "no option fees: the embedded exchange charges Coinbase's tiers"),
        ({"market": "close"}, "no option market: it plays the embedded exchange's market"),
        ({"parms": {}}, "no option parms: did you mean params"),
        ({"cash": 0}, "cash = 0"),
        ({"cash": float("inf")}, "cash = inf is no number"),
        ({"cash": "much"}, "cash = 'much'"),
        ({"sizing": {"size": 1}}, "size"),
    ],
    ids=str,
)
def test_what_a_session_cannot_do_is_named(
    given: dict[str, Any], phrase: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as refused:
        session(walk(60, 1), "ma_crossover", var=tmp_path, **given)

    assert phrase in str(refused.value)
    assert "perps-bot" not in str(refused.value)
