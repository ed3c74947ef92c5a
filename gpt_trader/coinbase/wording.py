"""Texts that Coinbase wrote, made fit for one line of a log."""

LENGTH_MAX = 300


def one_line(text: str) -> str:
    """The text without line ends, control characters and lone surrogates, and not endless.

    Examples
    --------
    >>> one_line("no\\nmoney\\ud800")
    'no?money?'
    """
    return "".join(c if c.isprintable() else "?" for c in text[:LENGTH_MAX])
