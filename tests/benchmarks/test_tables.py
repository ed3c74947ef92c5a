"""Tables, goals and the watch say what they measured."""

from benchmarks.goals import Goal
from benchmarks.stopwatch import interleaved
from benchmarks.tables import Table, ratio


def test_calls_take_turns_after_one_of_each_that_is_not_timed() -> None:
    calls: list[str] = []

    times = interleaved(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2, budget_s=60.0
    )

    assert "".join(calls) == "ab" + "abab"
    assert {timing.repeats for timing in times.values()} == {2}


def test_a_budget_that_is_used_up_ends_the_repeats_after_a_whole_round() -> None:
    times = interleaved({"a": lambda: None, "b": lambda: None}, 50, budget_s=0.0)

    assert [timing.repeats for timing in times.values()] == [1, 1]


def test_a_goal_says_whether_it_was_reached() -> None:
    words = [Goal("x", reached, 20, 27).text().split()[0] for reached in (19.9, 20.0, 27.0)]

    assert words == ["MISSED", "ok", "aim"]


def test_a_table_lines_its_columns_up_and_keeps_its_notes() -> None:
    table = Table("A.", ("engine", "ms"), [("ours", "1.0"), ("a peer", "100.0")], ["scaled: no"])

    lines = table.text().splitlines()

    assert lines[5:7] == ["ours      1.0", "a peer  100.0"]
    assert lines[-1] == "  scaled: no"


def test_a_ratio_is_their_time_over_ours() -> None:
    assert (ratio(0.081, 0.004), ratio(5.0, 0.01)) == ("20.2x", "500x")


def test_a_rate_is_shown_without_a_peer() -> None:
    text = Goal("orders a second", 446.0, 300, 300, "").text()

    assert "446.0 " in text and "(at least 300, aim 300)" in text and "x" not in text
