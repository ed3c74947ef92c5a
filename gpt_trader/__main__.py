"""`python -m gpt_trader COMMAND ...`, the same as `gpt-trader COMMAND ...`."""

import sys

from gpt_trader.cli import main

sys.exit(main())
