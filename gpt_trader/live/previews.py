"""Previews that may still be carried out: each under a token, for a short time, once."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal

from gpt_trader.domain.errors import TraderError, UsageError
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.preview import Preview
from gpt_trader.live.seams import new_token, wall_ns
from gpt_trader.store.previews import Kept, KeptPreviews

VALID_S = 120
MOVE_BPS_MAX = 25
"""The project: half of the runbook's 50 bps of slippage; a market that moved more is another."""
NS = 1_000_000_000


class Previews:
    """The tokens of one profile."""

    def __init__(self, kept: KeptPreviews) -> None:
        self._kept = kept

    def keep(self, engine: Engine, wanted: Mapping[str, str], preview: Preview) -> str:
        """Keep a preview of what is wanted, as text, and give its token."""
        token = new_token() + new_token()
        now_ns = wall_ns()
        self._kept.forget_before(now_ns - VALID_S * 10 * NS)
        self._kept.keep(token, _kept(engine, wanted, preview, now_ns + VALID_S * NS))
        return token

    def wanted(self, token: str) -> dict[str, str]:
        """The order, or the edit, that a token stands for.

        Raises
        ------
        UsageError
            There is none of that name, or its time is over.
        """
        return self._find(token).wanted

    def use(self, token: str, engine: Engine, wanted: Mapping[str, str], preview: Preview) -> None:
        """Use a token up, for the order it was given for in the market it was given in.

        Raises
        ------
        UsageError
            As `wanted`.
        TraderError
            Order, market, position or limits are not what they were.
        """
        kept = self._find(token)
        now = _kept(engine, wanted, preview, kept.until_ns)
        if kept.wanted != now.wanted or kept.order != now.order:
            raise TraderError(f"preview {token} is of another order: preview it again")
        if kept.limits != now.limits:
            raise TraderError(f"the limits have changed since preview {token}: preview it again")
        if kept.position != now.position:
            raise TraderError(
                f"the position has moved from {kept.position} to {now.position} since preview "
                f"{token}: preview it again"
            )
        before, mark = Decimal(kept.mark), Decimal(now.mark)
        if before and abs(mark - before) * 10_000 > before * MOVE_BPS_MAX:
            raise TraderError(
                f"the market has moved from {before:f} to {mark:f} since preview {token}, more "
                f"than {MOVE_BPS_MAX} bps: preview it again"
            )
        self._kept.forget(token)

    def _find(self, token: str) -> Kept:
        kept = self._kept.find(token)
        if wall_ns() > kept.until_ns:
            raise UsageError(f"preview {token} is older than {VALID_S} s: preview it again")
        return kept


def _kept(engine: Engine, wanted: Mapping[str, str], preview: Preview, until_ns: int) -> Kept:
    draft = preview.draft
    sent = (draft.base_size, draft.limit_price, draft.stop_price, draft.post_only, draft.reduces)
    return Kept(
        wanted=dict(wanted),
        order=hashlib.sha256(repr(sent).encode()).hexdigest(),
        mark=f"{draft.mark_price:f}",
        position=f"{preview.position:f}",
        limits=hashlib.sha256(repr(engine.limits).encode()).hexdigest(),
        until_ns=until_ns,
    )
