"""The SDK's own leaks are closed: secrets as default arguments, and bodies in its log."""

import os
import subprocess
import sys
from pathlib import Path

CANARY = "MHcCAQEEIcanaryCANARYcanaryCANARY"

PROBE = """
import inspect, os, pydoc
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase import sdk
import coinbase.rest, coinbase.rest.rest_base, coinbase.api_base

client = sdk.KeylessClient("localhost:1", None, None, 1.0)
things = (RestClient, sdk.KeylessClient, coinbase.rest.RESTClient, coinbase.api_base.APIBase)
for thing in things:
    print(inspect.signature(thing), inspect.signature(thing.__init__))
    print(pydoc.render_doc(thing))
print(vars(client), repr(client), vars(client.session))
print("environment kept:", os.environ["COINBASE_API_SECRET"] == os.environ["EXPECTED"])
"""


def test_a_key_in_the_environment_is_not_taken_up_or_shown(tmp_path: Path) -> None:
    environment = os.environ | {
        "COINBASE_API_KEY": "name-" + CANARY,
        "COINBASE_API_SECRET": CANARY,
        "EXPECTED": CANARY,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }

    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
    assert "environment kept: True" in done.stdout
    assert CANARY not in done.stdout + done.stderr
