"""How large positions are and how they are reached: the choices, their units and their defaults."""

from collections.abc import Mapping

from gpt_trader.domain.errors import UsageError

SIZING = {
    "size_fraction": 0.2,  # of equity, at a target of one
    "volatility_target": 0.0,  # a year; 0 leaves the size alone
    "volatility_span": 60.0,  # candles
    "patience_candles": 3.0,  # an order waits so long at our own side of the book
    "take_bps": 30.0,  # an impatient order pays at most so much beyond the far side
    "rebalance_rate": 0.25,  # of the target: smaller differences are left alone
    "stop_rate": 0.0,  # of a position's cost: with more lost it is left; 0 is no stop
    "good_till": 0.0,  # 1: a waiting order carries its end and expires at the exchange
    "market_orders": 0.0,  # 1: an impatient order has no worst price
}

SWITCHES = ("good_till", "market_orders")

WHOLE = {
    "volatility_span": (2, 100_000),  # two returns are the fewest that deviate
    "patience_candles": (0, 10_000),  # of a day each, they still count in nanoseconds
    "take_bps": (0, 9_999),  # a sale that gave all of the price away is a typing error
}
"""Counts: they are used as whole numbers, so a fraction would be cut off; least and most."""


def sizing_of(given: Mapping[str, float]) -> dict[str, float]:
    """The given choices over the defaults.

    Raises
    ------
    UsageError
        A name is unknown, or its value makes no sense.
    """
    for name, value in given.items():
        if name not in SIZING:
            raise UsageError(f"sizing {name}: unknown, there is {', '.join(SIZING)}")
        if not 0 <= value < 1e9:
            raise UsageError(f"sizing {name}={value}: give a number from 0 on")
        if name in SWITCHES and value not in (0.0, 1.0):
            raise UsageError(f"sizing {name}={value}: give 1 for yes or 0 for no")
        if name in WHOLE:
            _check_whole(name, value)
        if name == "stop_rate" and value >= 1:
            raise UsageError(f"sizing stop_rate={value}: give a fraction of the cost, below 1")
        if name == "size_fraction" and not 0 < value <= 1:
            raise UsageError(
                f"sizing size_fraction={value}: give a fraction of equity above 0 and up to 1; "
                "0.98 is all in, as fees and the collar need the rest"
            )
    return {**SIZING, **given}


def _check_whole(name: str, value: float) -> None:
    least, most = WHOLE[name]
    if value != int(value) or not least <= value <= most:
        raise UsageError(f"sizing {name}={value:.10g}: give a whole number from {least} to {most}")
