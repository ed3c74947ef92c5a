"""The planted faults of a live process: spelt right, and never where money is real."""

import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.live.seams import DELAY, KILL, POINTS, new_token, probes_from, reader_delays


def test_without_a_fault_a_passed_point_is_nothing() -> None:
    probes = probes_from({}, "prod")

    for point in POINTS:
        probes.passed(point)

    assert probes.watch() is None
    assert reader_delays({}, "prod") is None


@pytest.mark.parametrize("profile", ["canary", "prod"])
def test_a_fault_is_refused_where_money_is_real(profile: str) -> None:
    with pytest.raises(UsageError, match=f"{KILL} is for tests"):
        probes_from({KILL: "bytes_sent:1"}, profile)
    with pytest.raises(UsageError, match=f"{DELAY} is for tests"):
        reader_delays({DELAY: "7"}, profile)


@pytest.mark.parametrize(
    "text", ["", "bytes_sent", "bytes_sent:", "bytes_sent:0", "bytes_sent:x", "lunch:1"]
)
def test_a_misspelt_kill_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="POINT:COUNT"):
        probes_from({KILL: text}, "dev")


def test_a_kill_elsewhere_or_later_lets_a_point_pass() -> None:
    """That it strikes where it is due is shown by every run of the crash tests."""
    probes = probes_from({KILL: "bytes_sent:2:group"}, "dev")

    probes.passed("bytes_sent")
    probes.passed("cancel_sent")

    assert probes.watch() is not None


def test_equal_seeds_delay_the_readers_equally() -> None:
    one, same, other = (reader_delays({DELAY: seed}, "dev") for seed in "778")

    assert one is not None and same is not None and other is not None
    drawn = [one.random() for _ in range(5)]
    assert drawn == [same.random() for _ in range(5)]
    assert drawn != [other.random() for _ in range(5)]


def test_tokens_differ() -> None:
    assert len({new_token() for _ in range(100)}) == 100
