"""What a session came to: one document for programs, a dozen lines for a person."""

from dataclasses import dataclass
from decimal import Decimal

from gpt_trader.domain.product import amount_of, plain
from gpt_trader.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class Ending:
    """What only the end of a session knows."""

    session_id: str
    profile: str
    log_hash: str
    duration_s: float
    equity_start: Decimal
    exchange_equity: Decimal
    ledger_difference: Decimal
    reason: str


def document(engine: Engine, ending: Ending) -> dict[str, object]:
    """The document of `--json`; amounts are decimal strings, so nothing is lost in between."""
    equity = engine.equity_units()
    return {
        "session_id": ending.session_id,
        "profile": ending.profile,
        "reason": ending.reason,
        "strategy": engine.opened.strategy,
        "products": [p.product_id for p in engine.opened.products],
        "candles": engine.counts["candles"],
        "orders": engine.intents,
        "fills": engine.counts["fills"],
        "partial_fills": engine.counts["partial_fills"],
        "maker_fills": engine.counts["maker_fills"],
        "taker_fills": engine.counts["taker_fills"],
        "stops_unwatched": [order.client_order_id for order in engine.orders.supervised()],
        "denials": engine.counts["denials"],
        "denials_by_rule": dict(sorted(engine.denials_by_rule.items())),
        "equity_start": str(ending.equity_start),
        "equity_end": "unknown" if equity is None else str(amount_of(equity)),
        "exchange_equity": str(ending.exchange_equity),
        "ledger_difference": str(ending.ledger_difference),
        "fees": str(engine.ledger.fees),
        "realized_pnl": str(engine.ledger.realized_pnl),
        "max_drawdown": str(plain(engine.valuation.max_drawdown)),
        "positions": {
            name: str(plain(market.product.size(engine.ledger.position(name).lots)))
            for name, market in engine.markets.items()
        },
        "log_hash": ending.log_hash,
        "duration_s": round(ending.duration_s, 3),
    }


def text(document: dict[str, object], var: str) -> str:
    """The same for a person, and what to do next."""
    products, denials = document["products"], document["denials_by_rule"]
    assert isinstance(products, list) and isinstance(denials, dict)
    quote = products[0].rpartition("-")[2]
    by_rule = ", ".join(f"{rule} {count}" for rule, count in denials.items()) or "none"
    stops = document["stops_unwatched"]
    assert isinstance(stops, list)
    lines = [
        f"session      {document['session_id']} ({document['reason']})",
        f"market       {document['candles']} candles of {', '.join(products)}",
        f"orders       {document['orders']}, denied {document['denials']} ({by_rule})",
        *(f"stop         {name} waits, and nobody watches its trigger now" for name in stops),
        f"fills        {document['fills']}, {document['partial_fills']} of them partial, "
        f"{document['maker_fills']} maker and {document['taker_fills']} taker",
        f"equity       {document['equity_start']} -> {document['equity_end']} {quote}",
        f"realized PnL {document['realized_pnl']} {quote}, fees {document['fees']} {quote} in it",
        f"max drawdown {document['max_drawdown']} of the peak",
        f"exchange     {document['exchange_equity']} {quote}, "
        f"difference to our ledger {document['ledger_difference']}",
        f"log hash     {document['log_hash']}",
        f"took         {document['duration_s']} s; log and events under {var}",
        "next         gpt-trader replay latest    proves that the record decides the same again",
        "             gpt-trader live --help      your own data, strategy and limits",
    ]
    return "\n".join(lines)
