"""One round of questions about the account, for a snapshot: five requests to the exchange."""

from collections.abc import Callable

from gpt_trader.coinbase.rest import RestClient
from gpt_trader.engine.account import Reads, Wallet


def ask_account(rest: RestClient, ours: tuple[str, ...], wall_ns: Callable[[], int]) -> Reads:
    """What the exchange says of the account now.

    Parameters
    ----------
    ours : tuple of str
        Currencies whose balances must be readable.
    """
    asked_ns = wall_ns()
    server_ns = rest.server_time_ns()
    heard_ns = wall_ns()
    wallets = {b.currency: Wallet(b.available, b.hold) for b in rest.wallets(ours)}
    orders = rest.open_orders()
    rates = rest.fee_rates()
    permissions = rest.key_permissions()
    return Reads(
        wallets=wallets,
        open_orders=tuple(order.client_order_id for order in orders),
        tier=rates.tier,
        maker_fee_rate=rates.maker,
        taker_fee_rate=rates.taker,
        permissions={
            "view": permissions.can_view,
            "trade": permissions.can_trade,
            "transfer": permissions.can_transfer,
        },
        skew_ns=server_ns - (asked_ns + heard_ns) // 2,
        age_s=(wall_ns() - asked_ns) / 1e9,
    )
