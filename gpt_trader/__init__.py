"""GPT-Trader: from a notebook to a live Coinbase account on one decision path.

Importing the package loads nothing else. Rooms are imported by their full name, and
`gpt_trader/ARCHITECTURE.md` says what lives in which.
"""

__version__ = "0.1.0"
