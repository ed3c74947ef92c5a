"""Frames that come late are told from clocks that differ, and from clocks that drift."""

import pytest

from gpt_trader.live.lag import FRAMES, Lag

NS = 1_000_000_000
BEGIN_NS = 1_767_571_200 * NS


def lags(delays_s: list[float], drift: float = 0.0) -> list[float]:
    """What is measured of frames stamped once a second that take so long to arrive."""
    lag = Lag()
    return [
        lag.of(BEGIN_NS + second * NS, 5_000.0 + second * (1 + drift) + delay_s)
        for second, delay_s in enumerate(delays_s)
    ]


def test_frames_that_begin_to_come_late_are_late_by_as_much() -> None:
    measured = lags([0.05] * FRAMES + [0.1, 3.05, 30.05, 0.05])

    assert measured == pytest.approx([0] * FRAMES + [0.049, 2.998, 29.997, 0], abs=0.05)


@pytest.mark.parametrize("at", [0, 3, 50])
def test_a_frame_or_two_stamped_ahead_do_not_make_the_others_late(at: int) -> None:
    delays_s = [0.05] * 100
    delays_s[at] = -30.0
    delays_s[at + 2] = -3_600.0

    assert max(lags(delays_s)) == pytest.approx(0, abs=1e-3)


def test_a_session_that_begins_in_a_delay_learns_what_is_in_time() -> None:
    measured = lags([40.0] * 10 + [0.05] * 10 + [40.0])

    assert measured[-1] == pytest.approx(39.95, abs=0.05)


def test_clocks_that_differ_by_years_show_no_lag() -> None:
    assert Lag().of(0, 1e9) == 0


@pytest.mark.parametrize("drift", [-5e-4, 5e-4])
def test_clocks_that_run_apart_show_no_lag_in_a_day(drift: float) -> None:
    assert max(lags([0.05] * 86_400, drift)) == pytest.approx(0, abs=1e-3)


def test_a_minute_of_delay_is_seen_for_hours() -> None:
    measured = lags([0.0] * 10 + [60.0] * 36_000)

    assert min(measured[10:]) > 20
