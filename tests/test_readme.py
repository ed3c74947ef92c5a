"""What the README shows is run as it stands there."""

import re
import runpy
from pathlib import Path

import pandas as pd
import pytest

README = Path(__file__).parent.parent / "README.md"


def lines_of_readme() -> list[str]:
    """The Python blocks, in their order."""
    return re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def test_the_five_lines_and_the_sixth_make_the_same_orders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    five, sixth = lines_of_readme()
    script = tmp_path / "five_lines.py"
    script.write_text(five + sixth)
    monkeypatch.chdir(tmp_path)

    names = runpy.run_path(str(script))

    result, live = names["result"], names["live"]
    sent = result.orders[result.orders["status"] != "DENIED"]
    columns = ["product_id", "side", "base_size", "limit_price"]
    assert len(sent) > 10
    pd.testing.assert_frame_equal(
        sent[columns].reset_index(drop=True),
        live.orders[columns],
        check_dtype=False,
        rtol=1e-12,
    )
    assert live.equity_end == result.equity_end
    assert len(live.fills) == len(result.fills)
