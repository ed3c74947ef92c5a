"""A table of figures as text and as JSON."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Table:
    """One measurement: rows of figures, what they mean, and what was scaled."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The table in columns of equal width, the notes below."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.columns))]
        shown = [
            "  ".join(
                cell.ljust(width) if place == 0 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        rule = "-" * max(map(len, shown))
        notes = [f"  {note}" for note in self.notes]
        return "\n".join(["", self.title, rule, shown[0], rule, *shown[1:], rule, *notes])

    def document(self) -> dict[str, object]:
        """The same for JSON."""
        return {
            "title": self.title,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "notes": self.notes,
        }


def ratio(theirs_s: float, ours_s: float) -> str:
    """How many times our time theirs is."""
    return f"{theirs_s / ours_s:,.1f}x" if theirs_s < 100 * ours_s else f"{theirs_s / ours_s:,.0f}x"
