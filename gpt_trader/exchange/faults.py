"""The dice of faults: which occasions a fault strikes, and how often it did.

A fault is armed with a chance; each time it could strike is an occasion, and whether it does is
decided by the seed and the number of the occasion alone. So the same requests meet the same
faults, whatever the clock says.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gpt_trader.exchange.faults_table import FAULTS
from gpt_trader.exchange.seeds import MASK, STEP, mix, seed_key

CHANCE_BITS = 1 << 64


@dataclass(frozen=True, slots=True)
class Arming:
    """How often a fault strikes."""

    rate: float  # the chance at each occasion, from 0 to 1
    after: int  # so many occasions pass first
    times: int | None  # no more often than this; None for any number

    def __post_init__(self) -> None:
        assert 0 <= self.rate <= 1, self.rate
        assert self.after >= 0 and (self.times is None or self.times >= 0), self


class Draw:
    """The choices inside one strike, each decided by the seed."""

    def __init__(self, state: int) -> None:
        self._state = state

    def below(self, bound: int) -> int:
        """Give a whole number from 0 to `bound` - 1."""
        self._state = mix(self._state)
        return self._state % bound


class Faults:
    """Armed faults and how often each had the occasion to strike and did.

    Attributes
    ----------
    occasions, strikes : dict of str to int
        By fault, since the exchange started.
    """

    def __init__(self, seed: int, armed: Mapping[str, Arming]) -> None:
        self.occasions = dict.fromkeys(FAULTS, 0)
        self.strikes = dict.fromkeys(FAULTS, 0)
        self._keys = {name: seed_key(seed, "fault", name) for name in FAULTS}
        self._armed: dict[str, Arming] = {}
        for name, arming in armed.items():
            self.arm(name, arming)

    @property
    def armed(self) -> Mapping[str, Arming]:
        """What may strike now."""
        return self._armed

    def arm(self, name: str, arming: Arming) -> None:
        """Let a fault strike from now on; its occasions and strikes count on from where they are.

        ``after`` and ``times`` count from here.
        """
        limit = None if arming.times is None else self.strikes[name] + arming.times
        self._armed[name] = Arming(arming.rate, self.occasions[name] + arming.after, limit)

    def disarm(self, name: str) -> None:
        """Let a fault strike no more."""
        self._armed.pop(name, None)

    def heal(self) -> None:
        """Let nothing strike any more."""
        self._armed.clear()

    def strike(self, name: str) -> Draw | None:
        """Decide whether a fault strikes on this occasion; None when it does not."""
        arming = self._armed.get(name)
        if arming is None:
            return None
        occasion = self.occasions[name]
        self.occasions[name] += 1
        if occasion < arming.after or self.strikes[name] == arming.times:
            return None
        chance = mix((self._keys[name] + occasion * STEP) & MASK)
        if chance >= int(arming.rate * CHANCE_BITS):
            return None
        self.strikes[name] += 1
        return Draw(chance)
