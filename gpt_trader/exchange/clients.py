"""Ready lines with which each client talks to this exchange; ``ready`` is its line of JSON."""

SDK = """\
  from coinbase.rest import RESTClient
  from coinbase.websocket import WSClient
  host = f"127.0.0.1:{ready['port']}"
  client = RESTClient(key_file=ready["key_file"], base_url=host, timeout=5)
  client.session.verify, client.session.trust_env = ready["ca"], False
  stream = WSClient(key_file=ready["key_file"], base_url=f"wss://{host}", on_message=print)
  client.get_products()
"""

CCXT = """\
  import ccxt.pro, pathlib
  key = json.loads(pathlib.Path(ready["key_file"]).read_text())
  here = f"127.0.0.1:{ready['plain_port']}"
  exchange = ccxt.pro.coinbase({
      "apiKey": key["name"],
      "secret": key["privateKey"],
      "urls": {"api": {"rest": f"http://{here}", "ws": f"ws://{here}"}},
  })
"""

NAUTILUS = """\
  from nautilus_trader.core.nautilus_pyo3 import CoinbaseDataClientConfig
  here = f"127.0.0.1:{ready['plain_port']}"
  config = CoinbaseDataClientConfig(base_url_rest=f"http://{here}", base_url_ws=f"ws://{here}")
"""

SNIPPETS = f"""\
the official Python client
  import json
  ready = json.loads(the line of JSON)
{SDK}
ccxt (start the exchange with --plain-port; here with its WebSocket half)
{CCXT}
NautilusTrader (--plain-port; the trading client's configuration takes the same two addresses)
{NAUTILUS}"""
