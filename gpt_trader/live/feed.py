"""Whether what we see of the market can be traded on: every part of it must be well at once."""

from collections.abc import Awaitable, Callable
from enum import Enum

from gpt_trader.domain.events import Event, FeedChanged
from gpt_trader.engine.engine import Engine


class Part(Enum):
    """What can fail by itself while the rest is well."""

    CONNECTION = "the stream of frames"
    READS = "answers to our questions"
    PACE = "taking frames in as fast as they come"
    AGE = "frames that come as soon as they are stamped"


class Feed:
    """Tells the engine when the first part fails, and again when the last one is well."""

    def __init__(self, engine: Engine, take: Callable[[Event], Awaitable[None]]) -> None:
        self._engine = engine
        self._take = take
        self._failing: dict[Part, str] = {Part.CONNECTION: ""}  # and why; nothing was heard yet

    def fails(self, part: Part) -> bool:
        """This part is not well."""
        return part in self._failing

    async def lose(self, part: Part, reason: str) -> None:
        """Stop entries: from now on this part is not well. To repeat it changes nothing."""
        if self._failing.get(part):
            return
        self._failing[part] = reason
        await self._tell(reason)

    async def mend(self, part: Part, reason: str) -> None:
        """This part is well again; the feed is ready once no other one fails."""
        failed = self._failing.pop(part, None) is not None
        if failed and (not self._failing or part is Part.CONNECTION):
            await self._tell(reason)

    async def _tell(self, reason: str) -> None:
        prices_come = Part.CONNECTION not in self._failing
        await self._take(FeedChanged(self._engine.now_ns, not self._failing, reason, prices_come))
