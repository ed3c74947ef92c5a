"""What a person chose: flags over the environment over `.env` over `gpt_trader.toml` over defaults.

Every value knows where it comes from, and a name nobody knows is an error: a limit that is
misspelt would bind nothing. No profile is chosen here. Only the flag `--profile` chooses one, so
no file and no variable left lying about can point a command at real money.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.order import TradingState
from gpt_trader.domain.risk_keys import (
    OF_A_PRODUCT,
    RISK_LIMITS,
    RISK_MAPS,
    RISK_REFUSED,
    SHARES,
    entries,
    is_product_id,
)

LIMITS = (
    "order_notional_max",
    "position_rate_max",
    "exposure_rate_max",
    "mark_age_s_max",
    "collar_bps_max",
    "orders_per_minute_max",
    "daily_loss_rate_max",
    "drawdown_rate_max",
    "position_notional_max",
    "daily_loss_max",
    "order_equity_rate_max",
    "spread_bps_max",
    "reference_bps_max",
    "leverage_max",
    "liquidation_buffer_min",
    "contracts_max",
)
"""The risk limits by name; what they mean and their defaults is the word of `risk/limits.py`."""

VALUES = {
    "var": "var",
    "coinbase_host": "",
    "coinbase_key_file": "",
    "contacts": "",
    "status_page": "",
    "kernel_cache": "",
    "log_max_bytes": "10000000",
    "log_backup_count": "5",
}
"""Every setting with a default here, and that default as a person would write it."""

GUARDS = {
    "kill_switch": "RISK_KILL_SWITCH_ENABLED",
    "reduce_only": "RISK_REDUCE_ONLY_MODE",
}
"""Guards by name and the variable that sets each; they have no flag and no key in the file."""

DERIVATIVES = "COINBASE_ENABLE_DERIVATIVES"

MEANINGS = {
    "var": ("folder", "everything that is written lies below"),
    "coinbase_host": ("HOST[:PORT]", "another exchange to talk to; none: Coinbase"),
    "coinbase_key_file": ("file", "the API key as Coinbase's download gives it; never shown"),
    "contacts": ("text", "whom an alert tells people to call"),
    "status_page": ("URL", "where people see whether Coinbase itself is well"),
    "kernel_cache": ("folder", "compiled kernels; none: cache below var"),
    "log_max_bytes": ("bytes", "size of a log file before it is rotated"),
    "log_backup_count": ("files", "rotated log files that are kept"),
    "kill_switch": ("0 or 1", "nothing is sent but cancels"),
    "reduce_only": ("0 or 1", "nothing is sent that could raise a position"),
    "derivatives": ("0 or 1", "futures may be traded, where the account can"),
}
"""Unit and meaning of every setting but the limits, which `risk/limits.py` tells."""

FOR_TESTS = frozenset(
    {
        "GPT_TRADER_DATA",
        "GPT_TRADER_TIER",
        "GPT_TRADER_KILL_AT",
        "GPT_TRADER_READER_DELAY_SEED",
    }
)
"""Variables of ours that are no settings: only tests and the planted faults read them."""

# Coinbase's own library reads these two from the environment. They are not ours to refuse there,
# and nothing of ours reads them; in our `.env` they would be a secret on disk.
_SDK_SECRETS = frozenset({"COINBASE_API_KEY", "COINBASE_API_SECRET"})
_ON = frozenset({"1", "true", "yes", "on"})
_OFF = frozenset({"0", "false", "no", "off"})
_OURS = ("GPT_TRADER_", "RISK_", "COINBASE_")
_NO_PROFILE = (
    "the profile is chosen by --profile alone: no setting and no variable can make it canary or "
    "prod"
)


def variable(name: str) -> str:
    """The environment variable of a setting: `GPT_TRADER_` and its name in capitals."""
    return f"GPT_TRADER_{name.upper()}"


def limit_setting(limit: str) -> str:
    """A limit's name among the settings: `limit_` and its own."""
    return f"limit_{limit}"


_NAMES = (*VALUES, *(limit_setting(limit) for limit in LIMITS))
VARIABLES = {
    **{variable(name): name for name in _NAMES},
    **{guard: name for name, guard in GUARDS.items()},
    DERIVATIVES: "derivatives",
    **{key: limit_setting(limit) for key, limit in RISK_LIMITS.items()},
    **{key: limit_setting(limit) for key, limit in RISK_MAPS.items()},
}
"""Every variable that is a setting, and the setting's name."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What was chosen, read once; only the guards are read again, and can only tighten."""

    var: Path
    coinbase_host: str | None  # None: Coinbase itself
    coinbase_key_file: Path | None
    contacts: str
    status_page: str
    kernel_cache: Path | None
    log_max_bytes: int
    log_backup_count: int
    limits: dict[str, Decimal]  # those that were chosen; the others keep their defaults
    kill_switch: bool
    reduce_only: bool
    derivatives: bool
    origins: dict[str, str]  # of what is not a default

    def origin(self, name: str) -> str:
        """Where a value comes from: "flag --var", ".env line 3", "default", …"""
        known = (*_NAMES, *GUARDS, "derivatives")
        if name not in known and not _is_of_a_product(name):
            raise UsageError(f"there is no setting {name!r}{_near(name, known)}")
        return self.origins.get(name, "default")


WHY_GUARDED = "RISK_KILL_SWITCH_ENABLED or RISK_REDUCE_ONLY_MODE"


def guarded(kill_switch: bool, reduce_only: bool) -> TradingState:
    """What may be sent while these guards are as they are."""
    if kill_switch:
        return TradingState.HALTED
    return TradingState.REDUCE_ONLY if reduce_only else TradingState.ACTIVE


@dataclass(frozen=True, slots=True)
class Guards:
    """Whether a person holds trading back, by the environment or by `.env`."""

    kill_switch: bool
    reduce_only: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """A text and where it stood; the last one found for a name is the one that counts."""

    text: str
    origin: str
    folder: Path | None  # what a relative path in it is relative to, None: where we run


def load_settings(
    flags: Mapping[str, str | None], environ: Mapping[str, str], folder: Path
) -> Settings:
    """Read every setting from its highest source; `folder` holds `.env` and `gpt_trader.toml`.

    Parameters
    ----------
    flags
        By setting, a limit as `limit_<name>`; None where the flag was not given.

    Raises
    ------
    UsageError
        A name is unknown, a file does not read, or a value is not of its kind.
    """
    lines = _read_env_file(folder / ".env")
    _refuse_unknown_variables(environ, lines)
    found: dict[str, _Found] = {}
    found.update(_from_toml(folder / "gpt_trader.toml"))
    found.update(_from_variables(_variables_of(environ, lines, folder)))
    found.update(_from_flags(flags))
    return Settings(
        var=_path(found, "var") or folder / VALUES["var"],
        coinbase_host=_text(found, "coinbase_host") or None,
        coinbase_key_file=_path(found, "coinbase_key_file"),
        contacts=_text(found, "contacts"),
        status_page=_text(found, "status_page"),
        kernel_cache=_path(found, "kernel_cache"),
        log_max_bytes=_count(found, "log_max_bytes"),
        log_backup_count=_count(found, "log_backup_count"),
        limits=_limits(found),
        kill_switch=_guard_is_on(GUARDS["kill_switch"], environ, lines),
        reduce_only=_guard_is_on(GUARDS["reduce_only"], environ, lines),
        derivatives=_switch(found, "derivatives"),
        origins={name: value.origin for name, value in found.items()}
        | _guard_origins(environ, lines),
    )


def read_guards(environ: Mapping[str, str], folder: Path) -> Guards:
    """Read the guards again while running; a `.env` that does not read turns both on."""
    try:
        lines = _read_env_file(folder / ".env")
    except UsageError:
        return Guards(kill_switch=True, reduce_only=True)
    return Guards(
        kill_switch=_guard_is_on(GUARDS["kill_switch"], environ, lines),
        reduce_only=_guard_is_on(GUARDS["reduce_only"], environ, lines),
    )


# --- sources --------------------------------------------------------------------------------


def _from_flags(flags: Mapping[str, str | None]) -> dict[str, _Found]:
    found = {}
    for name, text in flags.items():
        if name not in _NAMES and not _is_of_a_product(name):
            raise UsageError(f"unknown {_flag(name)}{_near(name, _NAMES, _flag)}")
        if text is not None:
            found[name] = _Found(text, f"flag {_flag(name)}", None)
    return found


def _variables_of(
    environ: Mapping[str, str], lines: Mapping[str, tuple[int, str]], folder: Path
) -> dict[str, _Found]:
    """Every variable that is set, by its own name: the environment's before the file's."""
    from_file = {
        key: _Found(text, f".env line {number}", folder)
        for key, (number, text) in lines.items()
        if key in VARIABLES and text
    }
    from_environment = {
        key: _Found(environ[key], f"environment {key}", None)
        for key in VARIABLES
        if environ.get(key)
    }
    return {**from_file, **from_environment}


def _from_variables(variables: Mapping[str, _Found]) -> dict[str, _Found]:
    """The variables' values by setting; a limit may have two names, and then they must agree."""
    found: dict[str, _Found] = {}
    for key, name in VARIABLES.items():
        value = variables.get(key)
        if value is None or name in GUARDS:
            continue
        if key in RISK_MAPS:
            found.update(_of_products(key, name, value))
            continue
        if key in SHARES and _number(name, value) > 1:
            raise UsageError(
                f"{value.origin}: {key} is {value.text}, which would be more than all; it takes a "
                "fraction: 0.05 is 5 %"
            )
        other = found.get(name)
        if other is not None and _number(name, other) != _number(name, value):
            raise UsageError(
                f"{value.origin}: {key} says {value.text} and {other.origin} says {other.text} of "
                f"the same limit, {name.removeprefix('limit_')}: leave one of them out"
            )
        found.setdefault(name, value)
    return found


def _of_products(key: str, name: str, value: _Found) -> dict[str, _Found]:
    try:
        each = entries(value.text)
    except ValueError as error:
        raise UsageError(f"{value.origin}: {key} is {value.text!r}: {error}") from error
    return {
        f"{name}:{product_id}": _Found(text, value.origin, None)
        for product_id, text in each.items()
    }


def _is_of_a_product(name: str) -> bool:
    """Whether it is a limit of one product: `limit_`, the limit's name, a colon, the product."""
    limit, colon, product_id = name.removeprefix("limit_").partition(":")
    return bool(colon) and limit in OF_A_PRODUCT and is_product_id(product_id)


def _from_toml(path: Path) -> dict[str, _Found]:
    table = _read_toml(path)
    limits = table.pop("limits", {})
    if not isinstance(limits, dict):
        raise UsageError("gpt_trader.toml: limits is a table; write [limits] and a limit a line")
    if "profile" in table:
        raise UsageError(f"gpt_trader.toml: {_NO_PROFILE}")
    for name in table:
        if name not in VALUES:
            raise UsageError(f"gpt_trader.toml: unknown key {name!r}{_near(name, VALUES)}")
    for name in limits:
        if name not in LIMITS and not _is_of_a_product(name):
            raise UsageError(f"gpt_trader.toml: unknown limit {name!r}{_near(name, LIMITS)}")
    given = table | {limit_setting(name): value for name, value in limits.items()}
    return {
        name: _Found(_toml_text(name, value), path.name, path.parent)
        for name, value in given.items()
    }


def _read_toml(path: Path) -> dict[str, object]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} is not UTF-8 text") from error
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror}") from error
    import tomllib  # 5 ms that every command would pay, and few folders have the file

    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name} is not TOML: {error}") from error


def _toml_text(name: str, value: object) -> str:
    match value:
        case bool():
            pass  # a bool is an int to Python, and no setting of the file is one
        case str() | int() | Decimal():
            return str(value)
    raise UsageError(f"gpt_trader.toml: {name} takes a text or a number")


def _read_env_file(path: Path) -> dict[str, tuple[int, str]]:
    """The variables of a `.env` file with their line numbers; a bad line is never shown."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f".env cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(".env is not UTF-8 text") from error
    lines: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, equals, value = stripped.removeprefix("export ").partition("=")
        key = key.strip()
        if not equals or not key.isidentifier():
            raise UsageError(f".env line {number}: write KEY=VALUE")
        if key in lines:
            raise UsageError(f".env line {number}: {key} stands on line {lines[key][0]} already")
        lines[key] = (number, _unquoted(value.strip(), number))
    return lines


def _unquoted(value: str, number: int) -> str:
    """The text between quotes, or all up to a comment; nothing in it is expanded."""
    quote = value[:1]
    if quote not in ("'", '"'):
        return f" {value}".partition(" #")[0].strip()
    text, closing, rest = value[1:].partition(quote)
    if not closing or (rest.strip() and not rest.strip().startswith("#")):
        raise UsageError(f".env line {number}: a quote is not closed, or text follows it")
    return text


def _refuse_unknown_variables(
    environ: Mapping[str, str], lines: Mapping[str, tuple[int, str]]
) -> None:
    for key in environ:
        if key not in _SDK_SECRETS:
            _refuse_unknown_variable(key, "environment")
    for key, (number, _) in lines.items():
        if key in _SDK_SECRETS:
            raise UsageError(f".env line {number}: keep the key in its file, coinbase_key_file")
        _refuse_unknown_variable(key, f".env line {number}")


def _refuse_unknown_variable(key: str, origin: str) -> None:
    if not key.startswith(_OURS) or key in VARIABLES or key in FOR_TESTS:
        return
    if key == variable("profile"):
        raise UsageError(f"{origin}: {key} is refused, {_NO_PROFILE}")
    if key in RISK_REFUSED:
        raise UsageError(f"{origin}: {key} is refused: {RISK_REFUSED[key]}")
    raise UsageError(f"{origin}: unknown variable {key}{_near(key, VARIABLES)}")


# --- values ---------------------------------------------------------------------------------


def _text(found: Mapping[str, _Found], name: str) -> str:
    return found[name].text if name in found else VALUES[name]


def _path(found: Mapping[str, _Found], name: str) -> Path | None:
    value = found.get(name)
    if value is None or not value.text:
        return None
    path = Path(value.text).expanduser()
    return path if value.folder is None else value.folder / path


def _count(found: Mapping[str, _Found], name: str) -> int:
    text = _text(found, name)
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise UsageError(f"{found[name].origin}: {name} is {text!r}; give a whole number from 0 on")
    return int(text)


def _limits(found: Mapping[str, _Found]) -> dict[str, Decimal]:
    return {
        name.removeprefix("limit_"): _number(name, value)
        for name, value in found.items()
        if name.startswith("limit_")
    }


def _number(name: str, value: _Found) -> Decimal:
    limit = name.removeprefix("limit_")
    try:
        number = Decimal(value.text)
    except InvalidOperation as error:
        raise UsageError(f"{value.origin}: {limit} is {value.text!r}, not a number") from error
    if not number.is_finite():
        raise UsageError(f"{value.origin}: {limit} is {value.text}; give a finite number")
    return number


def _switch(found: Mapping[str, _Found], name: str) -> bool:
    value = found.get(name)
    if value is None or value.text.strip().lower() in _OFF:
        return False
    if value.text.strip().lower() in _ON:
        return True
    raise UsageError(f"{value.origin}: {name} is {value.text!r}; write 0 or 1")


def _guard_is_on(
    key: str, environ: Mapping[str, str], lines: Mapping[str, tuple[int, str]]
) -> bool:
    """True if either source says so, or says what cannot be understood.

    Precedence does not hold here: a 0 forgotten in a shell must not undo a 1 in the file.
    """
    texts = [environ[key]] if key in environ else []
    texts += [lines[key][1]] if key in lines else []
    return any(text.strip().lower() not in _OFF for text in texts)


def _guard_origins(
    environ: Mapping[str, str], lines: Mapping[str, tuple[int, str]]
) -> dict[str, str]:
    origins = {}
    for name, key in GUARDS.items():
        if key in lines and (key not in environ or not _guard_is_on(key, environ, {})):
            origins[name] = f".env line {lines[key][0]}"
        elif key in environ:
            origins[name] = f"environment {key}"
    return origins


def _flag(name: str) -> str:
    limit = name.removeprefix("limit_")
    return f"--{name.replace('_', '-')}" if limit == name else f"--limit {limit}"


def _near(name: str, known: Iterable[str], shown: Callable[[str], str] = str) -> str:
    import difflib  # 4 ms for a sentence that is hardly ever said

    names = list(known)
    matches = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if matches:
        return f"; did you mean {shown(matches[0])}?"
    return f"; there is {', '.join(shown(each) for each in names)}"
