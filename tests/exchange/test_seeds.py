"""Seeded noise: the scalar and the array form agree, uses differ."""

import uuid

import numpy as np

from gpt_trader.exchange.seeds import MASK, mix, mix_array, seed_key, seeded_uuid


def test_arrays_are_mixed_like_single_values() -> None:
    values = [0, 1, 2**63, MASK, 123456789]

    mixed = mix_array(np.array(values, np.uint64))

    assert mixed.tolist() == [mix(value) for value in values]


def test_neighbours_scatter_over_all_bits() -> None:
    flips = [bin(mix(value) ^ mix(value + 1)).count("1") for value in range(1000)]

    assert 28 < sum(flips) / len(flips) < 36


def test_each_use_of_a_seed_is_its_own() -> None:
    assert seed_key(1, "a") != seed_key(1, "b")
    assert seed_key(1, "a") != seed_key(2, "a")


def test_ids_look_like_random_uuids_and_repeat() -> None:
    text = seeded_uuid(7, "order", "1")

    assert uuid.UUID(text).version == 4
    assert text == seeded_uuid(7, "order", "1")
