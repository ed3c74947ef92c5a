"""The reads under /v2 that ccxt needs, and the payment methods."""

from pathlib import Path

import pytest

from gpt_trader.exchange.refusals import NotFound
from tests.exchange.markets import a_limit, place
from tests.exchange.serving import a_venue, an_exchange
from tests.exchange.test_rest import ask

V2 = ("time", "currencies", "currencies/crypto", "exchange-rates?currency=USD")


def test_the_four_public_ones_need_no_key_and_the_accounts_do(tmp_path: Path) -> None:
    with an_exchange(tmp_path) as exchange:
        exchange.advance()
        public = [ask(exchange, "GET", f"/v2/{one}", headers={}) for one in V2]
        bare = ask(exchange, "GET", "/v2/accounts", headers={})
        signed = ask(exchange, "GET", "/v2/accounts?limit=250")

    assert [one.status_code for one in public] == [200] * 4
    assert (bare.status_code, signed.status_code) == (401, 200)


def test_v2_accounts_show_totals_because_they_know_no_holds() -> None:
    venue = a_venue(rounds=20)
    venue.advance()
    place(venue, a_limit("a", "SELL", "90000", "0.4"))

    body = venue.app.accounts({}, venue.now_ns)

    amounts = {one["currency"]["code"]: one["balance"]["amount"] for one in body["data"]}
    assert amounts == {"BTC": "0.5", "ETH": "2", "USD": "100000"}
    assert body["pagination"]["next_uri"] is None


def test_v2_accounts_come_in_pages() -> None:
    venue = a_venue(rounds=20)
    first = venue.app.accounts({"limit": ["2"]}, venue.now_ns)
    after = first["pagination"]["next_starting_after"]

    second = venue.app.accounts({"limit": ["2"], "starting_after": [after]}, venue.now_ns)

    codes = [one["currency"]["code"] for page in (first, second) for one in page["data"]]
    assert codes == ["BTC", "ETH", "USD"]
    with pytest.raises(NotFound):
        venue.app.accounts({"starting_after": ["unknown"]}, venue.now_ns)


def test_the_rates_are_units_for_one_of_the_asked() -> None:
    venue = a_venue(rounds=20)
    venue.advance()
    price = venue.product("BTC-USD")["price"]

    dollars = venue.exchange_rates({})["data"]["rates"]
    coins = venue.exchange_rates({"currency": ["BTC"]})["data"]["rates"]

    assert dollars["USD"] == "1"
    assert float(dollars["BTC"]) == pytest.approx(1 / float(price))
    assert (float(coins["USD"]), coins["BTC"]) == (float(price), "1")
    with pytest.raises(NotFound):
        venue.exchange_rates({"currency": ["XYZ"]})


def test_the_cash_wallet_is_the_one_payment_method() -> None:
    app = a_venue(rounds=20).app
    method = app.payment_methods()["payment_methods"][0]

    assert app.payment_method(method["id"]) == {"payment_method": method}
    assert (method["currency"], method["verified"]) == ("USD", True)
    with pytest.raises(NotFound):
        app.payment_method("unknown")
