"""Accounts that hold nothing or one size: from change to change without touching memory between.

Most combinations of most strategies are either out or in. Their account is then a handful of
numbers, kept in registers from the first change of a block to its last; written back, it is the
account that `closing.close_round` and `jumping.calm_jump` leave. Whatever needs a closer look, an
order near a limit or a mark near the band, is left to them.
"""

from gpt_trader.kernels.account import (
    BAND_HIGH,
    BAND_LOW,
    DAY,
    DEN,
    LOTS,
    STOPPED,
    WORK,
    WORK_NONE,
)
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.deciding import (
    STOP_RATE,
    Desk,
)
from gpt_trader.kernels.money import RATE_DEN

NEVER = 2**62


@compile_lean
def glides(desk: Desk, level: float) -> bool:
    """Whether an account holds nothing and wants nothing, or holds what `level` makes it want."""
    session, row, target = desk.session, desk.products[0], desk.targets[0]
    if level <= 0.0 or session[DAY] < 0 or desk.choices[STOP_RATE] != 0 or row[WORK] != WORK_NONE:
        return False
    if row[STOPPED] != 0 or row[DEN] > RATE_DEN:
        return False
    if row[LOTS] == 0:
        return bool(target <= 0.0 or target != target)
    return bool(row[BAND_LOW] <= row[BAND_HIGH] and (target == level or target != target))
