"""The lines of a journal: what each holds, and how a followed round is written and read."""

from typing import Any

from gpt_trader.exchange.contracts import Contract
from gpt_trader.exchange.journal import Record
from gpt_trader.exchange.rules import VenueRules, rules_record
from gpt_trader.exchange.tape import FollowedRound, FollowedTrade, Quote, Tape


def journal_header(tape: Tape, rules: VenueRules) -> dict[str, Any]:
    """Give what a journal must have been written for, to be of use with this tape and rules.

    The names stand in the sentence that refuses another one; the tape stands for the others too,
    so it comes last. A market without contracts has none of their terms.
    """
    found = {
        product.product_id: _terms(product.contract)
        for product in tape.products
        if product.contract is not None
    }
    return {
        "price, base or quote increment": tape.increments,
        **({"margin rate, fee or expiry of a contract": found} if found else {}),
        "seed": tape.seed,
        "tape": tape.sha256,
        "rules": rules_record(rules),
    }


def _terms(contract: Contract) -> dict[str, Any]:
    """Give what the money of a contract's orders follows from, besides its size and steps."""
    return {
        "intraday": [contract.intraday.long, contract.intraday.short],
        "overnight": [contract.overnight.long, contract.overnight.short],
        "fees": [contract.maker_fee, contract.taker_fee, contract.liquidation_fee],
        "expiry": contract.expiry_ns,
    }


def news_record(news: FollowedRound) -> Record:
    """Write a round of a followed tape."""
    trades = [
        [one.product_id, one.trade_id, one.time_ns, one.price, one.size, int(one.maker_buys)]
        for one in news.trades
    ]
    quotes = [
        [name, quote.bid, quote.bid_lots, quote.ask, quote.ask_lots] for name, quote in news.quotes
    ]
    return ["news", news.end_ns, trades, quotes]


def read_news(record: Record) -> FollowedRound:
    """Read a round of a followed tape."""
    _, end_ns, trades, quotes = record
    return FollowedRound(
        end_ns,
        tuple(
            FollowedTrade(name, trade_id, time_ns, price, size, bool(maker_buys))
            for name, trade_id, time_ns, price, size, maker_buys in trades
        ),
        tuple((name, Quote(*numbers)) for name, *numbers in quotes),
    )
