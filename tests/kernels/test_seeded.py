"""Seeded draws are the exchange's own."""

import random

import numpy as np

from gpt_trader.exchange import seeds
from gpt_trader.kernels.seeded import mix, seed_key
from tests.tier import scaled


def test_a_draw_is_the_exchanges() -> None:
    draw = random.Random(1)
    values = [0, 1, 2**63, 2**64 - 1] + [draw.getrandbits(64) for _ in range(scaled(10_000))]

    scattered = [int(mix(np.uint64(value))) for value in values]

    assert scattered == [seeds.mix(value) for value in values]


def test_a_key_has_the_bits_of_the_exchanges() -> None:
    words = [("trades", "BTC-USD"), ("book", "ETH-USD"), ("", "")]

    keys = [seed_key(seed, *pair) % 2**64 for seed in range(20) for pair in words]

    assert keys == [seeds.seed_key(seed, *pair) for seed in range(20) for pair in words]
