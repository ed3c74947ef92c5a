"""What the commands `backtest` and `sweep` share: sentences in the words of the command line."""

import re
from collections.abc import Callable
from pathlib import Path

from gpt_trader.domain.errors import UsageError

_PHRASES = {
    "product='BTC-USD'": "--product BTC-USD",
    "give product=gt.Product(...)": "load it in a notebook with product=gt.Product(...)",
    "give candle_s": "give --candle-s",
    'market="close"': "--market close",
    'market="exchange"': "--market exchange",
    "or a gt.MarketModel": "",
}
_OPTIONS = (
    "cash", "fees", "seed", "slippage", "sizing", "candle_s", "product", "market", "where",
    "workers", "memory_mb", "cluster",
)  # fmt: skip
_BEGINS = re.compile(rf"({'|'.join(_OPTIONS)})( = |: | )")


def in_words(error: UsageError) -> UsageError:
    """The same refusal, where it names an option of a notebook, with that of the command line."""
    said = str(error)
    for python, flag in _PHRASES.items():
        said = said.replace(python, flag)
    begins = _BEGINS.match(said)
    if begins is None:
        return UsageError(said)
    flag, between = "--" + begins[1].replace("_", "-"), begins[2]
    rest = said[begins.end() :]
    return UsageError(f"{flag}{' ' if between == ' = ' else between}{rest}")


def spoken(run: Callable[[list[str]], int], argv: list[str]) -> int:
    """Run a command whose refusals are told in its own words."""
    try:
        return run(argv)
    except UsageError as e:
        raise in_words(e) from e


def check_report(to: str | None) -> None:
    """Refuse a page that cannot be written, before minutes are spent on what goes into it.

    Raises
    ------
    UsageError
        Its folder is not there, or it is a folder.
    """
    if to is None:
        return
    if Path(to).is_dir():
        raise UsageError(f"--report {to}: is a folder; name a file in it")
    if not Path(to).parent.is_dir():
        raise UsageError(f"--report {to}: there is no such folder")
