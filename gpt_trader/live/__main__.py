"""`python -m gpt_trader.live`: trade a strategy on an exchange."""

import sys

from gpt_trader.cli import perps_bot

sys.exit(perps_bot())
