"""Conditions of 64 candles in one 64-bit word, eight comparisons an instruction.

LLVM does not find these loops by itself (5.4 ns against 0.6 ns a candle and combination,
measured), so the vectors are written out. They are legal on any processor; one without such
vectors gets them in parts. Bit k of a word is the answer at candle k, lowest first. Each has a
plain twin in NumPy, and ``tests/kernels/test_words.py`` holds the two equal bit for bit.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic as untyped_intrinsic

intrinsic: Any = untyped_intrinsic
"""Numba types what it decorates as the code generator; its callers see the step it makes."""

WORD = 64
LANES = 8

Words = npt.NDArray[np.uint64]
"""uint64, one axis, C-contiguous: bit k of word w is the answer at candle 64 w + k."""

WordTable = npt.NDArray[np.uint64]
"""uint64, two axes, C-contiguous: a row a condition, a column a word."""

# Conditions.
GREATER = 0
AT_LEAST = 1
EQUAL = 2
NAN = 3

# Sums of two rows.
ADD = 0
SUBTRACT = 1
MULTIPLY = 2
DIVIDE = 3
NEGATIVE = 4  # of the first, as the next one
ABSOLUTE = 5

NarrowTable = npt.NDArray[np.int16]
"""int16, two axes, C-contiguous: values rounded to 16 bits, in the order of the values."""

NARROW_SPAN = 64_000.0
"""Steps between the least and the greatest value in 16 bits."""

_LANE = ir.DoubleType()
_NARROW_LANES = 32
_NARROW = ir.VectorType(ir.IntType(16), _NARROW_LANES)
_VECTOR = ir.VectorType(_LANE, LANES)
_INT64 = ir.IntType(64)
_PREDICATES = {GREATER: ">", AT_LEAST: ">=", EQUAL: "=="}


def _address(context: Any, builder: Any, array_type: Any, array: Any, place: Any) -> Any:
    """Where eight values of a contiguous float64 array begin."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), _VECTOR.as_pointer())


def _load(context: Any, builder: Any, array_type: Any, array: Any, place: Any) -> Any:
    """Eight values, or eight times the same number where `array_type` is that of a number."""
    if isinstance(array_type, types.Float):
        single = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), array, _place(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return builder.shuffle_vector(single, ir.Constant(_VECTOR, ir.Undefined), zeros)
    loaded = builder.load(_address(context, builder, array_type, array, place))
    loaded.align = 8
    return loaded


def _place(number: int) -> Any:
    return ir.Constant(ir.IntType(32), number)


def _compare(builder: Any, condition: int, left: Any, right: Any) -> Any:
    if condition == NAN:
        return builder.fcmp_unordered("uno", left, left)
    return builder.fcmp_ordered(_PREDICATES[condition], left, right)


def _joined(builder: Any, low: Any, high: Any) -> Any:
    """The answers of two groups as one group."""
    count = 2 * low.type.count
    places = ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(count)))
    return builder.shuffle_vector(low, high, places)


def _word_of(condition: int) -> Any:
    """Make the step ``word(left, left_at, right, right_at)`` for one condition."""

    @intrinsic
    def word(typing_context: Any, left: Any, left_at: Any, right: Any, right_at: Any) -> Any:
        """The condition of 64 values; `right` may be one number for all of them."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            groups = []
            for group in range(WORD // LANES):
                shift = ir.Constant(_INT64, group * LANES)
                first = _load(
                    context, builder, signature.args[0], args[0], builder.add(args[1], shift)
                )
                second = _load(
                    context, builder, signature.args[2], args[2], builder.add(args[3], shift)
                )
                groups.append(_compare(builder, condition, first, second))
            while len(groups) > 1:  # joined in pairs, which is one instruction each
                pairs = zip(groups[::2], groups[1::2], strict=True)
                groups = [_joined(builder, low, high) for low, high in pairs]
            return builder.bitcast(groups[0], _INT64)

        return types.uint64(left, types.int64, right, types.int64), code

    return word


greater_word = _word_of(GREATER)
at_least_word = _word_of(AT_LEAST)
equal_word = _word_of(EQUAL)
nan_word = _word_of(NAN)


def _lanes_of(operation: int) -> Any:
    """Make the step ``lanes(out, out_at, left, left_at, right, right_at)`` for one operation."""

    @intrinsic
    def lanes(
        typing_context: Any,
        out: Any,
        out_at: Any,
        left: Any,
        left_at: Any,
        right: Any,
        right_at: Any,
    ) -> Any:
        """Combine eight values into `out`; each side may be one number for all of them."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            first = _load(context, builder, signature.args[2], args[2], args[3])
            second = _load(context, builder, signature.args[4], args[4], args[5])
            made = _combine(builder, operation, first, second)
            place = _address(context, builder, signature.args[0], args[0], args[1])
            builder.store(made, place).align = 8
            return context.get_dummy_value()

        given = (out, types.int64, left, types.int64, right, types.int64)
        return types.void(*given), code

    return lanes


def _combine(builder: Any, operation: int, first: Any, second: Any) -> Any:
    match operation:
        case 0:  # ADD
            return builder.fadd(first, second)
        case 1:  # SUBTRACT
            return builder.fsub(first, second)
        case 2:  # MULTIPLY
            return builder.fmul(first, second)
        case 3:  # DIVIDE
            return builder.fdiv(first, second)
    wide = ir.VectorType(_INT64, LANES)
    bits = builder.bitcast(first, wide)
    if operation == NEGATIVE:
        sign = ir.Constant(wide, [-(2**63)] * LANES)
        return builder.bitcast(builder.xor(bits, sign), _VECTOR)
    rest = ir.Constant(wide, [2**63 - 1] * LANES)
    return builder.bitcast(builder.and_(bits, rest), _VECTOR)


add_lanes = _lanes_of(ADD)
subtract_lanes = _lanes_of(SUBTRACT)
multiply_lanes = _lanes_of(MULTIPLY)
divide_lanes = _lanes_of(DIVIDE)
negative_lanes = _lanes_of(NEGATIVE)
absolute_lanes = _lanes_of(ABSOLUTE)


def _narrow_word_of(predicate: str) -> Any:
    """Make the step ``word(left, left_at, right, right_at)`` for one comparison of int16."""

    @intrinsic
    def word(typing_context: Any, left: Any, left_at: Any, right: Any, right_at: Any) -> Any:
        """The comparison of 64 values in 16 bits."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            groups = []
            for group in range(WORD // _NARROW_LANES):
                shift = ir.Constant(_INT64, group * _NARROW_LANES)
                sides = []
                for side in (0, 2):
                    array = context.make_array(signature.args[side])(context, builder, args[side])
                    place = builder.gep(array.data, [builder.add(args[side + 1], shift)])
                    loaded = builder.load(builder.bitcast(place, _NARROW.as_pointer()))
                    loaded.align = 2
                    sides.append(loaded)
                groups.append(builder.icmp_signed(predicate, *sides))
            return builder.bitcast(_joined(builder, *groups), _INT64)

        return types.uint64(left, types.int64, right, types.int64), code

    return word


more_word = _narrow_word_of(">")
same_word = _narrow_word_of("==")


@intrinsic
def narrow_lanes(
    typing_context: Any,
    out: Any,
    out_at: Any,
    values: Any,
    values_at: Any,
    middle: Any,
    scale: Any,
) -> Any:
    """Eight values in 16 bits: ``(value - middle) * scale``, which must fit, toward zero."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sides = [
            _load(context, builder, signature.args[2], args[2], args[3]),
            _load(context, builder, signature.args[4], args[4], args[3]),
            _load(context, builder, signature.args[5], args[5], args[3]),
        ]
        scaled = builder.fmul(builder.fsub(sides[0], sides[1]), sides[2])
        whole = builder.fptosi(scaled, ir.VectorType(ir.IntType(32), LANES))
        small = builder.trunc(whole, ir.VectorType(ir.IntType(16), LANES))
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.gep(array.data, [args[1]])
        place = builder.bitcast(place, small.type.as_pointer())
        builder.store(small, place).align = 2
        return context.get_dummy_value()

    given = (out, types.int64, values, types.int64, types.float64, types.float64)
    return types.void(*given), code


@intrinsic
def extreme_lanes(typing_context: Any, best: Any, values: Any, values_at: Any) -> Any:
    """Widen ``best``, eight least and eight greatest values, by eight more that are known."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        new = _load(context, builder, signature.args[1], args[1], args[2])
        for first, order in ((0, "<"), (LANES, ">")):
            place = _address(
                context, builder, signature.args[0], args[0], ir.Constant(_INT64, first)
            )
            old = builder.load(place)
            old.align = 8
            better = builder.select(builder.fcmp_ordered(order, new, old), new, old)
            builder.store(better, place).align = 8
        return context.get_dummy_value()

    return types.void(best, values, types.int64), code


@intrinsic
def mean_lanes(
    typing_context: Any,
    out: Any,
    out_at: Any,
    sums: Any,
    newest_at: Any,
    oldest_at: Any,
    span: Any,
) -> Any:
    """Eight means from running sums: ``(sums[newest] - sums[oldest]) / span``, each."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        newest = _load(context, builder, signature.args[2], args[2], args[3])
        oldest = _load(context, builder, signature.args[2], args[2], args[4])
        spans = _load(context, builder, signature.args[5], args[5], args[4])
        place = _address(context, builder, signature.args[0], args[0], args[1])
        builder.store(builder.fdiv(builder.fsub(newest, oldest), spans), place).align = 8
        return context.get_dummy_value()

    given = (out, types.int64, sums, types.int64, types.int64, types.float64)
    return types.void(*given), code


@intrinsic
def lowest_bit(typing_context: Any, word: Any) -> Any:
    """Place of the lowest bit that is set in a uint64, which must not be zero."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), code
