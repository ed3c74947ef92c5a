"""The futures wallet: US dollars that margin contracts, beside the spot wallets.

Here they are kept apart: only what is in the futures wallet counts as margin, where Coinbase counts
the dollars of the spot wallet too (Advanced Trade reference, CFM futures). A sweep brings what is
free of it back to the spot wallet of the key's portfolio.

Without ``VenueRules.futures_balance`` the account has no futures: reads show zeros, where Coinbase
sends null and its own client fails on it, and what would change something is refused. Coinbase
names neither the hour at which sweeps are carried out nor that of the margin windows; here it is
22:00 UTC for both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gpt_trader.exchange.contracts import DAY_NS, EVENING_NS, is_intraday
from gpt_trader.exchange.futures_reads import FuturesReads
from gpt_trader.exchange.journal import JournalError
from gpt_trader.exchange.margin import SETTINGS
from gpt_trader.exchange.order_entry import OrderEntry
from gpt_trader.exchange.orders import cash_text
from gpt_trader.exchange.portfolios import amount_units
from gpt_trader.exchange.refusals import BadRequest, NotFound, Refusal
from gpt_trader.exchange.render import money
from gpt_trader.exchange.rules import VenueRules
from gpt_trader.exchange.seeds import seeded_uuid
from gpt_trader.exchange.timestamps import time_text

Wire = dict[str, Any]

CHANNEL_AMOUNTS = (
    "futures_buying_power",
    "total_usd_balance",
    "cbi_usd_balance",
    "cfm_usd_balance",
    "total_open_orders_hold_amount",
    "unrealized_pnl",
    "daily_realized_pnl",
    "initial_margin",
    "available_margin",
    "liquidation_threshold",
    "liquidation_buffer_amount",
)


class SweepBody(msgspec.Struct, frozen=True):
    """The body of a sweep; without an amount all of the wallet is swept."""

    usd_amount: str = ""


class SettingBody(msgspec.Struct, frozen=True):
    """The body that chooses the margin setting."""

    setting: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """Dollars on their way to the spot wallet; ``units`` None is all that is there then."""

    sweep_id: str
    units: int | None
    due_ns: int


class FuturesWallet:
    """Answers for the futures of an account.

    Parameters
    ----------
    entry
        Holds the spot wallets, to which sweeps go, the money and the contracts of the wallet, and
        the open orders of contracts.
    write
        Makes a change durable; called before it takes effect.

    Attributes
    ----------
    exists : bool
        Whether the account has futures.
    reads : FuturesReads
    """

    def __init__(
        self,
        rules: VenueRules,
        entry: OrderEntry,
        write: Callable[[list[Any]], None],
    ) -> None:
        self.exists = rules.futures_balance is not None
        self._entry = entry
        self._accounts = entry.accounts
        self._margin = entry.margin
        self.reads = FuturesReads(entry.margin, entry.contracts, exists=self.exists)
        self._seed = rules.seed
        self._write = write
        self._sweep: Sweep | None = None
        self._sweeps = 0

    def balance_summary(self, now_ns: int) -> Wire:
        """Answer GET /cfm/balance_summary."""
        amounts = {name: _dollars(units) for name, units in self._amounts(now_ns).items()}
        percentage = self.reads.percentage(self._margin.window(now_ns))
        measures = self.reads.measures(_dollars)
        return {
            "balance_summary": amounts | {"liquidation_buffer_percentage": percentage} | measures
        }

    def channel_summary(self, now_ns: int) -> Wire:
        """Give the same as the futures_balance_summary channel shows it: plain texts."""
        amounts = self._amounts(now_ns)
        texts = {name: cash_text(amounts[name]) for name in CHANNEL_AMOUNTS}
        percentage = self.reads.percentage(self._margin.window(now_ns))
        measures = self.reads.measures(cash_text)
        return texts | {"liquidation_buffer_percentage": percentage} | measures

    def positions(self, now_ns: int) -> Wire:
        """Answer GET /cfm/positions."""
        return {"positions": self.reads.positions(now_ns)}

    def position(self, product_id: str, now_ns: int) -> Wire:
        """Answer GET /cfm/positions/{product_id}.

        Raises
        ------
        NotFound
            No contract of it is held.
        """
        for shown in self.reads.positions(now_ns):
            if shown["product_id"] == product_id:
                return {"position": shown}
        raise NotFound(f"there is no position in {product_id!r}")

    def sweeps(self) -> Wire:
        """Answer GET /cfm/sweeps: the one that is pending, if any."""
        if self._sweep is None:
            return {"sweeps": []}
        units = self._sweep.units
        return {
            "sweeps": [
                {
                    "id": self._sweep.sweep_id,
                    "requested_amount": money(units or 0, "USD"),
                    "should_sweep_all": units is None,
                    "status": "PENDING",
                    "scheduled_time": time_text(self._sweep.due_ns),
                }
            ]
        }

    def schedule(self, body: SweepBody, now_ns: int) -> Wire:
        """Answer POST /cfm/sweeps/schedule.

        Raises
        ------
        BadRequest
            There is no such wallet or not as much of it is free, or a sweep is pending.
        """
        self._require()
        units = amount_units(body.usd_amount) if body.usd_amount else None
        if self._sweep is not None:
            raise BadRequest("a sweep is pending; cancel it first")
        free = self._free(now_ns)
        if (units or 1) > free:
            raise BadRequest(f"of the futures wallet {cash_text(free)} USD are free")
        self._write(["sweep", msgspec.to_builtins(body)])
        self._sweeps += 1
        day_ns = now_ns // DAY_NS * DAY_NS
        due_ns = day_ns + EVENING_NS + (0 if is_intraday(now_ns) else DAY_NS)
        self._sweep = Sweep(seeded_uuid(self._seed, "sweep", str(self._sweeps)), units, due_ns)
        return {"success": True}

    def cancel(self) -> Wire:
        """Answer DELETE /cfm/sweeps: without a pending one there is nothing to cancel."""
        if self._sweep is None:
            return {"success": False}
        self._write(["cancel"])
        self._sweep = None
        return {"success": True}

    def margin_setting(self) -> Wire:
        """Answer GET /cfm/intraday/margin_setting."""
        return {"setting": self._margin.setting}

    def choose_setting(self, body: SettingBody, now_ns: int) -> Wire:
        """Answer POST /cfm/intraday/margin_setting.

        Its rates count at once: positions that they do not carry are liquidated.

        Raises
        ------
        BadRequest
            There is no futures wallet or no such setting.
        """
        self._require()
        if body.setting not in SETTINGS:
            raise BadRequest(f"setting must be one of {', '.join(SETTINGS)}")
        self._write(["setting", body.setting])
        self._entry.choose_setting(body.setting, now_ns)
        return {}

    def is_due(self, until_ns: int) -> bool:
        """Say whether a sweep is carried out by then."""
        return self._sweep is not None and self._sweep.due_ns <= until_ns

    def pass_time(self, to_ns: int) -> None:
        """Carry out a sweep whose time has come; it takes no more than is free then."""
        if self._sweep is None or self._sweep.due_ns > to_ns:
            return
        self._entry.expire(self._sweep.due_ns)  # what ends later still reserves its margin
        free = self._free(self._sweep.due_ns)
        units = free if self._sweep.units is None else min(self._sweep.units, free)
        self._margin.sweep(units)
        self._accounts.open("USD")
        self._accounts.receive("USD", units)
        self._sweep = None

    def repeat(self, change: Sequence[Any], now_ns: int) -> None:
        """Do again what a line of the journal says.

        Raises
        ------
        JournalError
            It cannot be done now.
        """
        try:
            match change:
                case ["sweep", dict(body)]:
                    self.schedule(msgspec.convert(body, SweepBody), now_ns)
                case ["cancel"]:
                    self.cancel()
                case ["setting", str(setting)]:
                    self.choose_setting(SettingBody(setting), now_ns)
                case _:
                    raise JournalError(f"the journal changes futures strangely: {change[:1]}")
        except (Refusal, msgspec.ValidationError) as error:
            raise JournalError(f"futures of the journal change otherwise: {error}") from error

    def _require(self) -> None:
        if not self.exists:
            raise BadRequest("this account has no futures wallet")

    def _free(self, now_ns: int) -> int:
        """Give the cash that no position and no order needs."""
        return max(min(self._margin.ours.cash, self.reads.free(self._margin.window(now_ns))), 0)

    def _amounts(self, now_ns: int) -> dict[str, int]:
        spot_hold = self._accounts.hold.get("USD", 0) if self.exists else 0
        shown_spot = self._accounts.available.get("USD", 0) + spot_hold if self.exists else 0
        swept = self._sweep.units if self._sweep is not None else 0
        amounts = self.reads.amounts(now_ns)
        return amounts | {
            "total_open_orders_hold_amount": amounts["total_open_orders_hold_amount"] + spot_hold,
            "total_usd_balance": self._margin.ours.cash + shown_spot,
            "cbi_usd_balance": shown_spot,
            "total_pending_transfers_amount": self._free(now_ns) if swept is None else swept,
        }


def _dollars(units: int) -> Wire:
    return money(units, "USD")


def margin_window(now_ns: int) -> Wire:
    """Answer GET /cfm/intraday/current_margin_window: the day's, until sweeps are carried out."""
    day_ns = now_ns // DAY_NS * DAY_NS
    intraday = is_intraday(now_ns)
    return {
        "margin_window": {
            "margin_window_type": f"MARGIN_WINDOW_TYPE_{'INTRADAY' if intraday else 'OVERNIGHT'}",
            "end_time": time_text(day_ns + (EVENING_NS if intraday else DAY_NS)),
        },
        "is_intraday_margin_killswitch_enabled": False,
        "is_intraday_margin_enrollment_killswitch_enabled": False,
    }
