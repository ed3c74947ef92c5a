"""Named fields: one class for one list of names, in this process and in the next."""

import pickle
import subprocess
import sys

import pytest

from gpt_trader.kernels import records
from gpt_trader.kernels.records import record


def test_the_same_names_give_the_same_class() -> None:
    one = record("fast", "slow")

    assert record("fast", "slow") is one
    assert record("slow", "fast") is not one


def test_values_stand_under_their_names() -> None:
    values = record("fast", "slow")(20, 100)

    assert values == (20, 100)
    assert values._asdict() == {"fast": 20, "slow": 100}  # type: ignore[attr-defined]


def test_no_names_are_a_record_too() -> None:
    assert record()() == ()


def test_a_class_is_found_by_its_name_in_another_process() -> None:
    sent = pickle.dumps(record("band_bps", "x1")(2.5, 3))
    program = f"import pickle; print(pickle.loads({sent!r}))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout.strip() == "Record__band_bps__x1(band_bps=2.5, x1=3)", done.stderr


@pytest.mark.parametrize("name", ["_x", "x_", "a__b", "", "class", "two words", "1st"])
def test_a_field_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        record(name)


def test_a_field_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="duplicate"):
        record("x", "x")


def test_the_module_has_no_other_names_than_it_has() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Recor'"):
        records.Recor  # noqa: B018
