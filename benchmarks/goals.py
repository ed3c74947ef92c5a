"""What was promised of a ratio or a rate, and what a run reached."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio to a peer, or a rate: the least that is good enough, and what was aimed for."""

    name: str
    reached: float
    least: float
    aim: float
    unit: str = "x"  # times as fast as the peer; "": a rate, so many a second

    def text(self) -> str:
        """One line, with a word on how it went."""
        word = (
            "aim" if self.reached >= self.aim else "ok" if self.reached >= self.least else "MISSED"
        )
        return (
            f"{word:6}  {self.reached:8,.1f}{self.unit:1}  (at least {self.least:,g}{self.unit}, "
            f"aim {self.aim:,g}{self.unit})  {self.name}"
        )

    def document(self) -> dict[str, object]:
        """The same for JSON."""
        return {
            "name": self.name,
            "reached": round(self.reached, 2),
            "least": self.least,
            "aim": self.aim,
        }
