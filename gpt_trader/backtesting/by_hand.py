"""What orders by hand must keep before a backtest, of either speed, takes them."""

from collections.abc import Sequence
from numbers import Integral

from gpt_trader.backtesting.setup import HandOrder
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.vectors import Ints

COUNT_MAX = 2**62
SECOND_NS = 1_000_000_000


def check_by_hand(
    orders: Sequence[HandOrder], product_ids: Sequence[str], starts_ns: Ints, candle_s: int
) -> None:
    """Refuse orders outside of the tape: kernels would write beyond their tables.

    Those of one round wait one after the other, together no longer than until the next round's
    end: the market would go on without its trades.

    Parameters
    ----------
    starts_ns : int64, shape (rounds,)
        Start of each round.

    Raises
    ------
    UsageError
        An order cannot be played; the message names it, by its place, and the field.
    """
    waited: dict[int, int] = {}
    for place, order in enumerate(orders):
        _check_order(f"by_hand[{place}]", order, product_ids, starts_ns.size)
        waited[order.round] = waited.get(order.round, 0) + order.wait_ns
        most = candle_s * SECOND_NS
        if order.round + 1 < starts_ns.size:
            most = int(starts_ns[order.round + 1] - starts_ns[order.round])
        if waited[order.round] > most:
            raise UsageError(
                f"by_hand[{place}].wait_ns = {order.wait_ns}: the next round ends {most} ns after "
                f"round {order.round}, and orders of a round wait no longer, all together"
            )


def _check_order(name: str, order: HandOrder, product_ids: Sequence[str], rounds: int) -> None:
    if order.product_id not in product_ids:
        raise UsageError(f"{name}: an order by hand of {order.product_id}: there is no tape of it")
    counts = {"round": (order.round, rounds - 1), "lots": (order.lots, COUNT_MAX)}
    counts["wait_ns"] = order.wait_ns, COUNT_MAX
    if order.limit_ticks is not None:
        counts["limit_ticks"] = order.limit_ticks, COUNT_MAX
    for field, (value, most) in counts.items():
        if not isinstance(value, Integral) or not 0 <= value <= most:
            raise UsageError(f"{name}.{field} = {value!r}: give a whole number from 0 to {most}")
