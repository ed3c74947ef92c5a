"""The command line of a backtest: its own words in every refusal, and all that it was told."""

import json
from pathlib import Path

import pytest

from gpt_trader.cli import main
from tests.backtesting.tapes import walk


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("data") / "candles.parquet"
    walk(2_000, 1).frame().reset_index().to_parquet(path)
    return str(path)


def words(file: str, var: Path, *more: str) -> list[str]:
    return ["backtest", "--data", file, "--product", "BTC-USD", "--var", str(var), *more]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--cash", "1e15"], "--cash 1E+15: it is counted up to 1,000,000,000 quote"),
        (["--cash", "1e-9"], "--cash 1E-9: it is counted in units of"),
        (["--cash", "abc"], "--cash abc: that is no number"),
        (["--cash", "nan"], "--cash nan: that is no number"),
        (["--fees", "1e-10"], "--fees 1e-10: rates are counted"),
        (["--fees", "1,2,3"], "--fees 1,2,3: one rate, or MAKER,TAKER"),
        (["--slippage", "x"], "--slippage x: that is no number"),
        (["--slippage", "1,2,3"], "--slippage 1,2,3: one number of bps, or BPS,SHARE"),
        (["--slippage", "1,2"], "--slippage volume_share = 2: give a fraction from 0 to 1"),
        (["--slippage", "1", "--market", "close"], "--slippage: with --market close all is"),
        (["--sizing", "volatility_span=1"], "--sizing volatility_span=1: give a whole number"),
        (["--candle-s", "0"], "--candle-s 0: give a whole number from 1"),
        (["--product", "FOO-USD"], "unknown product 'FOO-USD': did you mean"),
        (["--param", "fast=x"], "--param fast= x: that is no number"),
    ],
    ids=str,
)
def test_a_refusal_names_the_option_of_the_command_line(
    more: list[str], says: str, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(words(file, tmp_path, *more))

    err = capsys.readouterr().err
    assert code == 2
    assert says in err
    assert err.count("\n") == 1
    assert "market=" not in err
    assert "gpt-trader data download" in err or "product=" not in err


def test_a_file_without_a_product_asks_for_the_option(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", "--data", file, "--var", str(tmp_path)]) == 2
    assert "of which product? give --product BTC-USD" in capsys.readouterr().err


def test_closes_alone_are_sent_to_the_market_that_takes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closes = tmp_path / "closes.parquet"
    walk(300, 1).frame()[["close"]].reset_index().to_parquet(closes)

    assert main(words(str(closes), tmp_path)) == 2
    assert "or say --market close" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--json", "--report"])
@pytest.mark.parametrize("to", ["", "nowhere/result"])
def test_what_cannot_be_written_is_said_before_the_run(
    flag: str, to: str, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(words(file, tmp_path, flag, str(tmp_path / to)))

    said = "there is no such folder" if to else "is a folder; name a file in it"
    assert code == 2
    assert f"{flag} {tmp_path / to}: {said}" in capsys.readouterr().err


def test_a_folder_is_no_file_of_candles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(str(tmp_path), tmp_path)) == 2
    assert "is a folder; name a file in it" in capsys.readouterr().err
    assert main(["data", "check", str(tmp_path), "--var", str(tmp_path)]) == 2


def test_stored_candles_are_looked_for_where_var_says(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of two folders, only the named one has them; the settings' own is not asked."""
    store = ["--var", str(tmp_path / "store")]
    assert (
        main(["data", "import", file, "--product", "BTC-USD", "--granularity", "1m", *store]) == 0
    )
    command = ["--data", "BTC-USD 1m", "--market", "close", *store]

    assert main(["backtest", *command, "--json", "-"]) == 0
    assert main(["sweep", *command, "--grid", "fast=5,6", "--grid", "slow=30"]) == 0
    assert '"products": ["BTC-USD"]' in capsys.readouterr().out


def test_slippage_costs_and_is_told_apart(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hashes, ends = set(), []
    for more in ([], ["--slippage", "10"], ["--slippage", "10,0.001"]):
        impatient = ["--sizing", "patience_candles=0", "--fees", "0", *more, "--json", "-"]
        assert main(words(file, tmp_path, *impatient)) == 0
        told = json.loads(capsys.readouterr().out)
        hashes.add(told["content_hash"])
        ends.append(float(told["equity_end"]))

    assert len(hashes) == 3
    assert ends[0] > ends[1]


def test_more_denials_than_orders_are_told_with_rule_and_remedy(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fifth of a million is above the default limit of an order: nothing was ever bought."""
    assert main(words(file, tmp_path, "--cash", "1000000")) == 0
    shown = capsys.readouterr().out.splitlines()[-1]
    assert "orders were denied and 0 sent; most by order_notional" in shown
    assert "order_notional_max of limits is 25,000 (quote)" in shown
    assert "raise it, or lower size_fraction" in shown

    assert main(words(file, tmp_path, "--json", "-")) == 0
    assert json.loads(capsys.readouterr().out)["denial_note"] is None
