import random

from gpt_trader.coinbase.sequence import Continuity, SequenceCheck
from tests.tier import scaled


def test_a_connection_counts_from_zero() -> None:
    check = SequenceCheck()

    assert [check.take(number) for number in range(5)] == [Continuity.NEXT] * 5
    assert check.expected == 5


def test_a_first_frame_that_is_not_number_zero_is_a_gap() -> None:
    assert SequenceCheck().take(1) is Continuity.GAP


def test_a_repeat_and_a_restart_do_not_move_the_count() -> None:
    check = SequenceCheck()
    for number in range(4):
        check.take(number)

    assert check.take(2) is Continuity.REPEAT
    assert check.take(0) is Continuity.RESTART
    assert check.take(4) is Continuity.NEXT


def test_every_lost_frame_is_seen_on_the_next_one() -> None:
    dice = random.Random(5)

    for _ in range(scaled(2_000)):
        lost = dice.randrange(50)
        run = dice.randrange(1, 5)
        check = SequenceCheck()
        taken = [check.take(n) for n in range(lost + run + 1) if not lost <= n < lost + run]

        assert taken == [Continuity.NEXT] * lost + [Continuity.GAP]
