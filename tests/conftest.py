"""What every test shares: how many examples a property gets, and an environment that is empty."""

import os

from hypothesis import settings

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


forget_settings_of_this_machine()
choose_examples()
