"""The flat arrays that kernels read and change: the state of one thing is one vector."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
"""float64, one axis, C-contiguous. NaN means "not known"."""

Ints = npt.NDArray[np.int64]
"""int64, one axis, C-contiguous: counts of increments and cash units, bits, positions."""

Table = npt.NDArray[np.int64]
"""int64, two axes, C-contiguous: one row a thing."""

Grid = npt.NDArray[np.float64]
"""float64, two axes, C-contiguous: a row a product, a column a round of the tape."""
