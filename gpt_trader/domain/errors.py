"""Every error this package raises on purpose.

TraderError
├── UsageError           a person asked for something that cannot be: exit 2, one line
├── WireError            a message from Coinbase does not have the documented shape
├── ExchangeUnreachable  no connection, or no answer to a request that changes nothing
├── OutcomeUnknown       a request was sent and no answer came: the order may or may not exist
├── BooksDisagree        our ledger and Coinbase's balances differ
├── Unwatched            a session ended, and a stop that only it could fire waits on
├── StoreDamaged         the event log is not what was written: a hash, a gap, a foreign file
└── StoreRefused         the event log cannot be written: a full disk, a missing right

A refusal by risk, or by Coinbase, is a fact and not an error: it is an event (`OrderDenied`,
`OrderRejected`). A broken invariant of our own is an `AssertionError` and stops the process.
"""


class TraderError(Exception):
    """Something outside our code is not as it must be; the message says what to do."""


class UsageError(TraderError):
    """A person asked for something that cannot be done as asked."""


class WireError(TraderError):
    """A message from Coinbase does not have the documented shape; nothing is guessed."""


class ExchangeUnreachable(TraderError):
    """The exchange gave no answer to a request that changes nothing there."""


class OutcomeUnknown(TraderError):
    """A request that may have changed something was sent, and no answer came."""


class BooksDisagree(TraderError):
    """Our ledger and the exchange's balances differ by more than nothing."""


class Unwatched(TraderError):
    """A stop waits whose trigger nobody watches: a person must look after the position."""


class StoreDamaged(TraderError):
    """The event log is not what was written."""


class StoreRefused(TraderError):
    """The event log could not be written; nothing was sent because of it."""
