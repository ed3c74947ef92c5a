"""The futures wallet of a session of contracts at a real exchange: funding, liquidation."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.signer import Signer
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import BooksCompared, Event, OrderIntended
from gpt_trader.domain.futures import FundingPaid, PositionLiquidated
from gpt_trader.domain.order import Side, TradingState
from gpt_trader.engine.engine import Engine
from gpt_trader.live.control import Control
from gpt_trader.live.desk import Desk
from gpt_trader.live.opening import of_contracts
from gpt_trader.live.reconciliation import Reconciliation
from gpt_trader.live.seams import Probes, monotonic_s, wall_ns
from gpt_trader.live.wallet import contract_books
from tests.builders import a_draft, an_opening
from tests.live import commands

NAME = "BIP-20DEC30-CDE"
HOUR_NS = 3_600 * 10**9
Check = Callable[["Scene"], Awaitable[None]]


class Scene:
    """A real exchange with a contract, and an engine by hand whose books follow it."""

    def __init__(self, exchange: commands.RunningExchange) -> None:
        ready = exchange.ready
        self.rest = RestClient(
            exchange.host,
            Signer.from_key_file(Path(ready["key_file"]), wall_ns),
            ca_file=Path(ready["ca"]),
            timeout_s=10.0,
            now_ns=lambda: self.engine.now_ns,
        )
        products, cash = of_contracts(self.rest, (NAME,))
        opened = an_opening("by_hand", products=products)
        self.opened = replace(opened, ts_ns=self.rest.server_time_ns(), cash=cash)
        self.seen: list[Event] = []
        self.intents = 0
        self.control = Control(exchange.tls.parent / "var", "dev")
        self.use(Engine(self.opened))

    def use(self, engine: Engine) -> None:
        """Go on with this engine, as after a restart."""
        self.engine = engine
        desk = Desk(self.rest, engine, Probes(None), self.control, None)
        self.books = Reconciliation(engine, self.rest, desk, self.take, monotonic_s)

    def folded(self) -> Engine:
        """A new engine from the events alone."""
        engine = Engine(self.opened)
        for event in self.seen:
            engine.apply(event)
        return engine

    async def take(self, event: Event) -> None:
        self.seen.append(event)
        self.engine.apply(event)

    async def trade(self, side: Side, contracts: int) -> None:
        """Trade at the market until all of it is held."""
        wanted = self.held + side.sign * contracts
        while self.held != wanted:
            self.intents += 1
            size = str(abs(wanted - self.held))
            draft = replace(a_draft(side, size, None, NAME), post_only=False, reduces=False)
            intent = OrderIntended(self.engine.now_ns, f"gt-test-{self.intents:06d}", draft, ())
            await self.take(intent)
            await self.take(self.rest.create(intent))
            await self.books.orders()

    @property
    def held(self) -> int:
        return self.engine.ledger.position(NAME).lots

    async def until(self, ts_ns: int) -> None:
        """Let the exchange's clock pass a moment."""
        while (now_ns := self.rest.server_time_ns()) <= ts_ns:
            await asyncio.sleep(0.05)
        self.engine.now_ns = max(self.engine.now_ns, now_ns)

    async def agrees(self) -> None:
        """The books agree with the exchange, to the unit."""
        await self.books.books()
        compared = self.seen[-1]
        assert isinstance(compared, BooksCompared) and not compared.differences, compared


def played(folder: Path, check: Check, speed: str, balance: str) -> None:
    async def play(scene: Scene) -> None:
        await scene.books.opening_balances()
        await check(scene)

    flags = ("--speed", speed, "--futures-balance", balance, "--contract", NAME)
    with commands.exchange(folder, *flags) as exchange:
        asyncio.run(play(Scene(exchange)))


def test_funding_is_found_also_when_it_is_paid_during_a_restart(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        await scene.trade(Side.BUY, 3)
        await scene.agrees()
        first = (scene.engine.now_ns // HOUR_NS + 1) * HOUR_NS
        await scene.until(first)
        await scene.agrees()

        scene.use(scene.folded())  # killed, and resumed hours later
        await scene.until(first + 3 * HOUR_NS)
        await scene.agrees()

        paid = [one for one in scene.seen if isinstance(one, FundingPaid) and one.amount]
        assert len(paid) >= 2, "an hour's, and that of the hours away"
        books = contract_books(scene.engine.ledger)
        assert books.funding_units == sum(one.amount * 10**8 for one in paid) != 0
        assert scene.folded().freeze() == scene.engine.freeze()
        assert books.realized_pnl == -books.fees, "funding is no profit of a trade"
        with pytest.raises(UsageError, match="begins without a position"):
            of_contracts(scene.rest, (NAME,))

    played(tmp_path, check, "7200", "5000")


def test_a_liquidation_is_taken_into_the_books_and_ends_entries(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        transport = scene.rest._transport
        setting = "/cfm/intraday/margin_setting"
        transport.send(setting, {"setting": "INTRADAY_MARGIN_SETTING_INTRADAY"})
        await scene.trade(Side.BUY, 7)
        await scene.agrees()

        # The rates of the night: what the day's carried is liquidated at once.
        transport.send(setting, {"setting": "INTRADAY_MARGIN_SETTING_STANDARD"})
        await asyncio.sleep(0.3)
        await scene.agrees()

        taken = [one for one in scene.seen if isinstance(one, PositionLiquidated)]
        assert sum(one.base_size for one in taken) == 7 - scene.held > 0
        assert scene.engine.trading.everything is TradingState.REDUCE_ONLY
        [said] = [e.why for e in scene.seen if hasattr(e, "why") and "LIQUIDATION" in e.why]
        assert NAME in said
        assert scene.folded().freeze() == scene.engine.freeze()

    played(tmp_path, check, "real", "500")


def test_an_account_without_a_futures_balance_opens_no_session_of_contracts(
    tmp_path: Path,
) -> None:
    with (
        commands.exchange(tmp_path, "--speed", "real", "--product", "BTC-USD") as exchange,
        pytest.raises(UsageError, match="this account may not trade contracts"),
    ):
        Scene(exchange)
