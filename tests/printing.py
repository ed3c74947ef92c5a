"""Lines that a test wants a person to see, in the summary even where tests run side by side."""

from collections.abc import Callable

Said = Callable[[str], None]
"""Takes one line."""

SAID = "said"
"""Under this name a report carries the lines of its test."""
