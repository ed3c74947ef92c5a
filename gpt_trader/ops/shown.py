"""A document that a notebook shows as a person reads it on the command line."""

from typing import Any


class Shown(dict[str, Any]):
    """A document with its text: what a cell ends with is shown as text, and is still a document."""

    def __init__(self, document: dict[str, Any], said: str) -> None:
        super().__init__(document)
        self._said = said

    def __repr__(self) -> str:
        return self._said
