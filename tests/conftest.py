"""What every test shares: how many examples a property gets, and an environment that is empty."""

import os
from collections.abc import Callable

import pytest
from hypothesis import settings

from tests.printing import SAID, Said
from tests.tier import scaled

KEPT = {"GPT_TRADER_TIER", "GPT_TRADER_DATA", "GPT_TRADER_KERNEL_CACHE"}
OURS = ("GPT_TRADER_", "COINBASE_", "RISK_")


def forget_settings_of_this_machine() -> None:
    """No test may read a person's settings, and least of all reach a real account."""
    for name in [name for name in os.environ if name.startswith(OURS) and name not in KEPT]:
        del os.environ[name]


def choose_examples() -> None:
    """Set how hard property tests search; only the soak tier looks elsewhere on each run."""
    soaking = os.environ.get("GPT_TRADER_TIER") == "soak"
    settings.register_profile(
        "tier",
        max_examples=scaled(500),
        deadline=None,  # a kernel's first call compiles
        derandomize=not soaking,
        database=None,
        print_blob=soaking,
    )
    settings.load_profile("tier")


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Said:
    """Show a line to whoever runs the tests, passed or not."""
    return lambda line: record_property(SAID, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests said, from other processes too."""
    for reports in (terminalreporter.getreports("passed"), terminalreporter.getreports("failed")):
        for report in reports:
            for name, line in report.user_properties:
                if name == SAID:
                    terminalreporter.write_line(f"{report.nodeid}: {line}")


forget_settings_of_this_machine()
choose_examples()
