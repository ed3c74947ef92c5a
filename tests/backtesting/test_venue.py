"""Both speeds of a backtest begin at one exchange: the same room, the same window of fees."""

from gpt_trader.backtesting.choices import Choices, setup_of
from gpt_trader.backtesting.course import course_of
from gpt_trader.backtesting.fused import Arena
from gpt_trader.backtesting.simulated_exchange import SimulatedExchange
from gpt_trader.backtesting.venue import WINDOW_FILLS, new_venue, round_fills_max
from gpt_trader.kernels import book, printing
from tests.backtesting.tapes import walk


def test_the_compiled_backtest_and_the_engines_have_the_same_exchange() -> None:
    """The one remembered 65,536 fills of 30 days and the other 262,144."""
    setup, tapes = setup_of("ma_crossover", Choices()), [walk(50, 1)]
    course = course_of(tuple(tapes), setup.market, setup.sizing)

    _, compiled = Arena(course, setup, with_orders=False, with_equity=False).open()
    replayed = SimulatedExchange(setup, tapes)._venue

    assert compiled.fees.times.size == replayed.fees.times.size == WINDOW_FILLS
    assert compiled.fills.shape == replayed.fills.shape
    assert compiled.model.tolist() == replayed.model.tolist()
    assert compiled.state.tolist() == replayed.state.tolist()


def test_there_is_room_for_a_waiting_order_and_one_that_takes_of_each_product() -> None:
    setup = setup_of("ma_crossover", Choices())

    levels = int(new_venue(setup, 1).model[book.LEVELS])

    assert round_fills_max(3, levels) >= 3 * (2 * printing.TRADES + levels) + levels
    assert round_fills_max(3, levels) >= 3 * (printing.TRADES + 2 * levels)
