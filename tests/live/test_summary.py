"""The document of a session, and the lines a person reads in its place."""

import json
from decimal import Decimal

from gpt_trader.domain.events import QuoteSeen
from gpt_trader.domain.order import Side
from gpt_trader.engine.engine import Engine
from gpt_trader.live.summary import Ending, document, text
from tests.builders import START_NS, a_fill, an_acceptance, an_intent, an_opening

ENDING = Ending(
    session_id="s-1",
    profile="dev",
    log_hash="ab" * 32,
    duration_s=1.23456,
    equity_start=Decimal("100000"),
    exchange_equity=Decimal("99999"),
    ledger_difference=Decimal(0),
    reason="the tape ended",
)
AMOUNTS = {
    "equity_start": "100000",
    "equity_end": "100004",
    "exchange_equity": "99999",
    "ledger_difference": "0",
    "fees": "1",
    "realized_pnl": "0",  # the fee of a buy is part of what it cost
    "max_drawdown": "0",
}
OTHERS = {  # required by the issue besides
    *("session_id", "profile", "products", "candles", "orders", "fills", "partial_fills"),
    *("denials", "denials_by_rule", "log_hash", "duration_s"),
}


def an_engine() -> Engine:
    """It bought 0.05 of 0.1 BTC at 20,000 for a fee of 1, and the price is 20,100 now."""
    engine = Engine(an_opening())
    for event in (
        an_intent(),
        an_acceptance(),
        a_fill(base_size="0.05", side=Side.BUY),
        QuoteSeen(START_NS, "BTC-USD", *map(Decimal, ("20099", "20101", "20100"))),
    ):
        engine.apply(event)
    return engine


def test_the_document_has_every_field_and_amounts_are_decimal_strings() -> None:
    made = json.loads(json.dumps(document(an_engine(), ENDING)))

    assert set(made) >= OTHERS
    assert {name: made[name] for name in AMOUNTS} == AMOUNTS
    assert made["positions"] == {"BTC-USD": "0.05"}
    assert (made["orders"], made["fills"], made["partial_fills"]) == (1, 1, 1)
    assert (made["maker_fills"], made["taker_fills"]) == (1, 0)


def test_an_equity_that_is_not_known_is_not_made_up() -> None:
    engine = Engine(an_opening())
    for event in (an_intent(), an_acceptance(), a_fill()):
        engine.apply(event)

    assert document(engine, ENDING)["equity_end"] == "unknown"


def test_a_person_reads_what_happened_and_what_to_do_next() -> None:
    said = text(document(an_engine(), ENDING), "var")

    assert "100000 -> 100004 USD" in said
    assert "1 maker and 0 taker" in said
    assert "gpt-trader replay latest" in said
    assert all(len(line) <= 100 for line in said.splitlines())
