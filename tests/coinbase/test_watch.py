"""A test that ends the process in the midst of a request is told the truth about where it is."""

import time
from pathlib import Path

from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.signer import Signer
from gpt_trader.coinbase.watch import Watch
from gpt_trader.domain.events import OrderAccepted
from tests.coinbase.builders import a_key, an_intent, pem_of, write_key_file
from tests.coinbase.certificates import GOOD, make_authority, server_context, write_authority
from tests.coinbase.servers import Answer, an_answer, rest_server

ORDERS = "/api/v3/brokerage/orders"
CREATED = {"success": True, "success_response": {"order_id": "7d1f", "client_order_id": "gt-17"}}
TIME = an_answer({"epochSeconds": "7", "epochMillis": "7000", "iso": "1970-01-01T00:00:07Z"})
DELAY_S = 0.2


def test_sent_is_told_before_the_answer_and_answered_once_it_is_there(tmp_path: Path) -> None:
    authority = make_authority()
    told: list[tuple[str, str, str, int, float]] = []
    slow = Answer(200, an_answer(CREATED).body, delay_s=DELAY_S)
    with rest_server(server_context(GOOD, authority, tmp_path), TIME, slow) as server:

        def tell(what: str, method: str, path: str) -> None:
            told.append((what, method, path, len(server.requests), time.monotonic()))

        client = RestClient(
            server.host,
            Signer.from_key_file(write_key_file(tmp_path, pem_of(a_key())), lambda: 0),
            ca_file=write_authority(authority, tmp_path),
            timeout_s=5,
            now_ns=lambda: 7,
            watch=Watch(
                sent=lambda method, path: tell("sent", method, path),
                answered=lambda method, path: tell("answered", method, path),
            ),
        )
        client.server_time_ns()
        told.clear()

        answer = client.create(an_intent())
        client.close()

    (*sent, _, sent_s), (*answered, received, answered_s) = told
    assert sent == ["sent", "POST", ORDERS]
    assert answered == ["answered", "POST", ORDERS]
    assert received == 2, "the exchange had the whole request"
    assert answered_s - sent_s > DELAY_S * 0.9
    assert isinstance(answer, OrderAccepted) and answer.order_id == "7d1f"
