"""A command line, read: what is wrong with it is one clear line, like every other mistake."""

import argparse
from typing import NoReturn

from gpt_trader.domain.errors import UsageError

SHOWN_MAX = 300  # characters of what argparse says: it repeats what was typed


class Flags(argparse.ArgumentParser):
    """The flags of a command. Its commands' commands are of this class too."""

    def error(self, message: str) -> NoReturn:
        """Refuse the line, as argparse asks for.

        Raises
        ------
        UsageError
            With its words and where help is.
        """
        said = message if len(message) <= SHOWN_MAX else f"{message[:SHOWN_MAX]} ..."
        raise UsageError(f"{said}; see `{self.prog} --help`")
