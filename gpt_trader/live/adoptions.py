"""What a person gives to the session of what the owner holds: checked against the account as is."""

from collections.abc import Mapping
from decimal import Decimal

from gpt_trader.broker.wish import parse_number
from gpt_trader.domain.errors import TraderError, UsageError
from gpt_trader.domain.events import HoldingAdopted
from gpt_trader.domain.product import plain
from gpt_trader.engine.engine import Engine
from gpt_trader.portfolio.ledger import Position
from gpt_trader.store.requests import Request


def adoption(
    engine: Engine,
    request: Request,
    totals: Mapping[str, Decimal],
    before: Mapping[str, Position],
) -> HoldingAdopted:
    """The event that gives a holding to the session.

    Parameters
    ----------
    totals : mapping of str to Decimal
        What the account holds of each currency now, free and held together.
    before : mapping of str to Position
        What was the session's when the account was asked, by product.

    Raises
    ------
    UsageError
        It names no product of the session, no size or cost, or more than the owner holds.
    TraderError
        The market is not known yet, which the limits on losses need.
    """
    product_id, label = str(request.body.get("product_id")), str(request.body.get("name") or "")
    product = engine.products.get(product_id)
    if product is None or engine.allocation is None:
        raise UsageError(f"this session does not trade {product_id[:40]}")
    if product.contract is not None:
        raise UsageError(f"{product_id} is a contract: a position is the account's, not adopted")
    size = product.round_size(parse_number(str(request.body.get("base_size")), "size"))
    cost = parse_number(str(request.body.get("cost")), "cost")
    if size <= 0:
        raise UsageError(f"size comes to nothing: {product.base_increment:f} is the least")
    # A retry of the same command is the same adoption; a second one like it takes another name.
    name = f"{product_id} {size:f} at {cost:f} {label[:40]}".rstrip()
    adopted = HoldingAdopted(engine.now_ns, request.who, product_id, size, cost, name)
    if name in engine.adopted:
        return adopted
    engine.allocation.adopting(product.base, size)  # refuses what the owner did not have
    # Which fills the totals show is not known: the larger position takes none of ours for theirs.
    lots = engine.ledger.position(product_id).lots
    if product_id in before:
        lots = max(lots, before[product_id].lots)
    owners = totals.get(product.base, Decimal(0)) - product.size(lots)
    if size > owners:
        raise UsageError(
            f"{size:f} {product.base} cannot be adopted: the account holds {plain(owners):f} "
            "now that is not the session's"
        )
    if engine.markets[product_id].mark_ticks <= 0 or engine.equity_units() is None:
        raise TraderError(f"the market of {product_id} is not known yet: ask again")
    return adopted
