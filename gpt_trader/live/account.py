"""One round of questions about the account, for a snapshot: five requests to the exchange."""

from collections.abc import Callable

from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.wire_futures import FuturesWallet
from gpt_trader.engine.account import Reads, Wallet


def ask_account(
    rest: RestClient, ours: tuple[str, ...], wall_ns: Callable[[], int], *, futures: bool
) -> Reads:
    """What the exchange says of the account now.

    Parameters
    ----------
    ours : tuple of str
        Currencies whose balances must be readable.
    futures : bool
        Whether the futures wallet is asked for too, which takes two more.
    """
    asked_ns = wall_ns()
    server_ns = rest.server_time_ns()
    heard_ns = wall_ns()
    wallets = {b.currency: Wallet(b.available, b.hold) for b in rest.wallets(ours)}
    orders = rest.open_orders()
    rates = rest.fee_rates()
    permissions = rest.key_permissions()
    wallet = rest.futures() if futures else None
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
        futures=None if wallet is None else _shown(wallet),
    )


def _shown(wallet: FuturesWallet) -> dict[str, object]:
    """The futures wallet as text, at Coinbase's own marks."""
    return {
        "cash": f"{wallet.cash:f}",
        "funding_today": f"{wallet.funding_today:f}",
        "initial_margin": f"{wallet.initial_margin:f}",
        "maintenance_margin": f"{wallet.maintenance_margin:f}",
        "liquidation_buffer_percent": f"{wallet.liquidation_buffer_percent:f}",
        **{
            held.product_id: {
                "contracts": f"{held.contracts:f}",
                "entry_price": f"{held.entry_price:f}",
                "mark_price": f"{held.mark_price:f}",
                "unrealized_pnl": f"{held.unrealized_pnl:f}",
            }
            for held in wallet.positions
        },
    }
