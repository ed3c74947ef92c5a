"""What is to be seen on a screenshot, in numbers."""

import io
from collections import Counter

from PIL import Image

Colour = tuple[int, int, int]


def colours(png: bytes) -> Counter[Colour]:
    """How many pixels each colour has."""
    with Image.open(io.BytesIO(png)) as image:
        seen = image.convert("RGB").getcolors(maxcolors=image.width * image.height)
    assert seen is not None
    counts = {colour: count for count, colour in seen if isinstance(colour, tuple)}
    return Counter(counts)  # type: ignore[arg-type]


def near(found: Counter[Colour], wanted: str, reach: int = 45) -> int:
    """Pixels within `reach` of a colour like `#1f77b4`, in each of red, green and blue."""
    goal = bytes.fromhex(wanted.removeprefix("#"))
    return sum(
        count
        for colour, count in found.items()
        if all(abs(a - b) <= reach for a, b in zip(colour, goal, strict=True))
    )
