"""How many rounds a costly test runs: a tenth in the quick tier, all of them in the soak tier."""

import os

TIERS = {"quick": 10, "ci": 2, "soak": 1}


def scaled(count: int) -> int:
    """Divide the full `count` by the tier's factor, and never go below one."""
    tier = os.environ.get("GPT_TRADER_TIER", "quick")
    return max(1, count // TIERS[tier])
