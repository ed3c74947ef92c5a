"""The command ``gpt-trader exchange``: an exchange of one's own, ready in a second."""

import signal
import sys
from collections.abc import Sequence

from gpt_trader.exchange.choices import read_choices

INTERRUPTED = 130


def run(argv: Sequence[str]) -> int:
    """Run the exchange until its parent ends or it is interrupted, and return the exit code."""
    try:
        choices = read_choices(argv)
        if choices.parent:
            # Ctrl-C reaches the whole group; the venue must outlive the session's last orders.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        # Late: numpy, pyarrow and cryptography take half a second, which --help need not wait.
        from gpt_trader.exchange.launch import LaunchError, launch

        try:
            return launch(choices)
        except LaunchError as error:
            print(f"gpt-trader exchange: {error}", file=sys.stderr)
            return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
