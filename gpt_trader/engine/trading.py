"""What may be sent, product by product, as the engine has taken it in."""

from typing import Any

from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.order import TradingState


class Trading:
    """The state of all products and those of single ones; of two the tighter one holds."""

    def __init__(self, everything: TradingState) -> None:
        self.everything = everything
        self._products: dict[str, TradingState] = {}

    def apply(self, event: TradingStateChanged) -> None:
        """Take in one change."""
        if event.product_id:
            self._products[event.product_id] = event.state
        else:
            self.everything = event.state

    def own(self, product_id: str) -> TradingState:
        """What was set for just this product, or for all ("")."""
        return (
            self._products.get(product_id, TradingState.ACTIVE) if product_id else (self.everything)
        )

    def of(self, product_id: str) -> TradingState:
        """What holds for a product."""
        return max(self.own(product_id), self.everything, key=lambda state: state.tightness)

    def freeze(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        return {"": self.everything.value} | {
            name: state.value for name, state in sorted(self._products.items())
        }

    @classmethod
    def thaw(cls, frozen: dict[str, Any]) -> "Trading":
        """What `freeze` gave."""
        states = {name: TradingState(value) for name, value in frozen.items()}
        trading = cls(states.pop(""))
        trading._products = states
        return trading
