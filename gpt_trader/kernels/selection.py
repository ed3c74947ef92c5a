"""Picking the best of many on one half of the days, and where it then stands on the other."""

import math

import numpy as np

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.vectors import Floats, Grid, Ints, Table

# Columns of a verdict on one split.
CHOSEN = 0  # column that was best in sample
IN_SAMPLE = 1  # its Sharpe ratio there, per day
OUT_OF_SAMPLE = 2
RANK = 3  # of it out of sample: above 0, below 1, larger is better
VERDICT = 4


@compile_step
def sum_blocks(returns: Grid, block_days: int, sums: Grid, squares: Grid) -> None:
    """Sum the returns and their squares over each block of days, for `sharpe_of_sums`.

    Parameters
    ----------
    returns : float64, shape (T, P)
        One column for each combination.
    block_days : int64
        Rows of a block; rows beyond the last whole block are left out.
    sums, squares : float64, shape (S, P)
        Filled.
    """
    blocks, columns = sums.shape
    for column in range(columns):
        for block in range(blocks):
            total = 0.0
            square = 0.0
            for row in range(block * block_days, (block + 1) * block_days):
                total += returns[row, column]
                square += returns[row, column] * returns[row, column]
            sums[block, column] = total
            squares[block, column] = square


@compile_step
def sharpe_of_sums(total: float, square: float, count: int) -> float:
    """Sharpe ratio per day from a sum and a sum of squares; 0 if flat: who did nothing won nothing.

    The rounding of the sums is some 1e-16 of the squares; a spread below 1e-12 of them is none.
    """
    spread = square - total * total / count
    if not spread > square * 1e-12:
        return 0.0
    return total / count / math.sqrt(spread / (count - 1))


@compile_step
def judge_splits(sums: Grid, squares: Grid, block_days: int, halves: Table, verdicts: Grid) -> None:
    """For each split choose the best combination in sample and rank it out of sample.

    Parameters
    ----------
    sums, squares : float64, shape (S, P)
        Of `sum_blocks`.
    halves : int64, shape (N, S / 2)
        The blocks in sample, of each split; the others are out of sample.
    verdicts : float64, shape (N, 4)
        Filled.
    """
    blocks, columns = sums.shape
    inside = np.empty(columns)
    outside = np.empty(columns)
    chosen_in = np.zeros(blocks, np.int64)
    for split in range(len(halves)):
        chosen_in[:] = 0
        for block in halves[split]:
            chosen_in[block] = 1
        days_in = halves.shape[1] * block_days
        days_out = (blocks - halves.shape[1]) * block_days
        for column in range(columns):
            total_in, square_in, total_out, square_out = 0.0, 0.0, 0.0, 0.0
            for block in range(blocks):
                if chosen_in[block] == 1:
                    total_in += sums[block, column]
                    square_in += squares[block, column]
                else:
                    total_out += sums[block, column]
                    square_out += squares[block, column]
            inside[column] = sharpe_of_sums(total_in, square_in, days_in)
            outside[column] = sharpe_of_sums(total_out, square_out, days_out)
        best = int(np.argmax(inside))
        verdicts[split, CHOSEN] = best
        verdicts[split, IN_SAMPLE] = inside[best]
        verdicts[split, OUT_OF_SAMPLE] = outside[best]
        verdicts[split, RANK] = rank_of(outside, best)


@compile_step
def rank_of(values: Floats, place: int) -> float:
    """Where ``values[place]`` stands among all, from 1 / (P + 1) to P / (P + 1); equals share."""
    below = 0.0
    for i in range(values.size):
        if values[i] < values[place]:
            below += 1.0
        elif values[i] == values[place] and i != place:
            below += 0.5
    return (below + 1.0) / (values.size + 1.0)


@compile_step
def sharpes_of_rows(returns: Grid, rows: Ints, sharpes: Floats) -> None:
    """The Sharpe ratio per day of each column over the rows named; 0 if flat.

    Parameters
    ----------
    returns : float64, shape (T, P)
    rows : int64, shape (K,)
        Which days.
    sharpes : float64, shape (P,)
        Filled.
    """
    for column in range(sharpes.size):
        mean = 0.0
        for row in rows:
            mean += returns[row, column]
        mean /= rows.size
        spread = 0.0
        square = 0.0
        for row in rows:
            spread += (returns[row, column] - mean) ** 2
            square += returns[row, column] ** 2
        sharpes[column] = 0.0
        if rows.size > 1 and spread > square * 1e-12:
            sharpes[column] = mean / math.sqrt(spread / (rows.size - 1))
