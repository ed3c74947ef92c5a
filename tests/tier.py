"""How many rounds a costly test runs: a tenth in the quick tier, all of them in the soak tier."""

import os

TIERS = {"quick": 10, "ci": 2, "soak": 1}


def scaled(count: int) -> int:
    """Divide the full `count` by the tier's factor, and never go below one."""
    return max(1, count // TIERS[_tier()])


def hundredth(count: int) -> int:
    """Give a hundredth of the full `count` in the quick tier, a tenth in the one of CI."""
    return max(1, count // {"quick": 100, "ci": 10, "soak": 1}[_tier()])


def by_tier(*, quick: int, ci: int, soak: int) -> int:
    """Give the count for the tier that runs."""
    return {"quick": quick, "ci": ci, "soak": soak}[_tier()]


def _tier() -> str:
    return os.environ.get("GPT_TRADER_TIER", "quick")
