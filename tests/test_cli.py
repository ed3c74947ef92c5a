"""The table of commands, its help, and the exit codes every command shares."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gpt_trader import __version__, cli
from gpt_trader.domain import errors

ROOT = Path(__file__).parents[1]


def command_of(body: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a real module with `run(argv)` into the table under the name `probe`."""
    (folder / "probe_command.py").write_text(f"import sys\ndef run(argv):\n    {body}\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "probe_command", raising=False)
    monkeypatch.setitem(
        cli.COMMANDS, "probe", cli.Command("probe_command:run", "a command of this test")
    )


def python(*words: str) -> list[str]:
    return [sys.executable, *words]


def test_help_lists_every_command_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["--help"])

    out = capsys.readouterr().out
    assert code == 0
    assert all(f"  {name} " in out and entry.summary in out for name, entry in cli.COMMANDS.items())
    assert all(f" {exit_code.value}  " in out for exit_code in cli.Exit)


def test_every_exit_code_has_a_meaning() -> None:
    assert set(cli.EXIT_MEANINGS) == set(cli.Exit)


def test_no_command_teaches_and_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main([])

    assert code == 2
    assert "first steps:" in capsys.readouterr().err


def test_version_is_the_package_version(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["--version"])

    assert code == 0
    assert capsys.readouterr().out == f"gpt-trader {__version__}\n"


@pytest.mark.parametrize(
    ("word", "hint"), [("liv", "did you mean 'live'?"), ("xyzzy", "there are live, replay")]
)
def test_an_unknown_command_gets_one_line_with_a_hint(
    word: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main([word])

    err = capsys.readouterr().err
    assert code == 2
    assert err.count("\n") == 1
    assert err.startswith(f"gpt-trader: unknown command {word!r}; ")
    assert hint in err


def test_an_unknown_flag_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["--no-such-flag"])

    assert code == 2
    assert "--no-such-flag" in capsys.readouterr().err


def test_a_flag_whose_value_is_two_lines_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """argparse gives a list for it, which no command expects."""
    code = cli.main(["replay", "--limit=--"])

    assert code == 2
    assert capsys.readouterr().err == "gpt-trader replay: --limit=--: -- is no value\n"


def test_a_word_too_long_for_a_file_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["data", "check", "x" * 5_000])

    assert code == 2
    assert "no file has so long a name" in capsys.readouterr().err


def test_a_command_gets_its_words_and_its_code_is_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_of("print(argv); return 1", tmp_path, monkeypatch)

    code = cli.main(["probe", "--help", "x"])

    assert code == 1
    assert capsys.readouterr().out == "['--help', 'x']\n"


def test_perps_bot_is_the_live_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_of("print(argv); return 0", tmp_path, monkeypatch)
    monkeypatch.setitem(cli.COMMANDS, "live", cli.COMMANDS["probe"])

    code = cli.perps_bot(["--dev-fast"])

    assert code == 0
    assert capsys.readouterr().out == "['--dev-fast']\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError, 2),
        (errors.ExchangeUnreachable, 3),
        (errors.OutcomeUnknown, 3),
        (errors.StoreDamaged, 4),
        (errors.BooksDisagree, 4),
        (errors.StoreRefused, 1),
        (errors.WireError, 1),
        (errors.TraderError, 1),
    ],
)
def test_an_error_on_purpose_is_one_line_and_its_code(
    error: type[errors.TraderError],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = f"from gpt_trader.domain import errors; raise errors.{error.__name__}('what\\n to do')"
    command_of(body, tmp_path, monkeypatch)

    returned = cli.main(["probe"])

    assert returned == code
    assert capsys.readouterr().err == "gpt-trader probe: what to do\n"


def test_ctrl_c_is_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command_of("raise KeyboardInterrupt", tmp_path, monkeypatch)

    assert cli.main(["probe"]) == 130


def test_a_defect_of_ours_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command_of("raise AssertionError('books')", tmp_path, monkeypatch)

    with pytest.raises(AssertionError, match="books"):
        cli.main(["probe"])


def test_a_socket_that_breaks_is_not_taken_for_a_closed_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command_of("raise BrokenPipeError('a socket')", tmp_path, monkeypatch)

    with pytest.raises(BrokenPipeError, match="a socket"):
        cli.main(["probe"])


def test_a_reader_that_left_is_no_traceback() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)

    done = subprocess.run(
        python("-m", "gpt_trader", "--help"),
        cwd=ROOT,
        stdout=write_end,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": ""},  # unbuffered, argparse itself keeps quiet
        check=False,
    )
    os.close(write_end)

    assert (done.returncode, done.stderr) == (1, b"")


def test_help_loads_no_room() -> None:
    program = (
        "import sys; from gpt_trader.cli import main; main(['--help']);"
        "print(sorted(n for n in sys.modules if n.startswith('gpt_trader')), file=sys.stderr)"
    )

    done = subprocess.run(python("-c", program), cwd=ROOT, capture_output=True, check=True)

    rooms = ("cli", "domain", "domain.errors", "flags")
    ours = ["gpt_trader", *(f"gpt_trader.{room}" for room in rooms)]
    assert done.stderr.decode().strip() == str(ours)


def test_help_answers_within_a_tenth_of_a_second_of_processor_time() -> None:
    """Processor time of the best of five: a noisy machine delays, but never shortens."""
    spent = []
    for _ in range(5):
        before = os.times()
        subprocess.run(
            python("-m", "gpt_trader", "--help"), cwd=ROOT, capture_output=True, check=True
        )
        after = os.times()
        user = after.children_user - before.children_user
        spent.append(user + after.children_system - before.children_system)

    assert min(spent) <= 0.1


def test_a_reader_that_left_is_no_traceback_of_what_is_written_unbuffered(tmp_path: Path) -> None:
    """The broken line is gone, and nothing is left to flush that could break again."""
    read_end, write_end = os.pipe()
    os.close(read_end)

    done = subprocess.run(
        python("-m", "gpt_trader", "data", "list", "--var", str(tmp_path)),
        cwd=ROOT,
        stdout=write_end,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        check=False,
    )
    os.close(write_end)

    assert (done.returncode, done.stderr) == (1, b"")
