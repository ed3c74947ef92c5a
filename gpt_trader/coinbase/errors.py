"""The one error that only Coinbase's door can raise."""

from gpt_trader.domain.errors import TraderError


class NotAuthorized(TraderError):
    """Coinbase does not accept the key for this request; nothing was carried out."""
