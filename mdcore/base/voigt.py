"""Which component of a symmetric tensor stands where among six numbers? xx yy zz yz xz xy, as in ASE."""

import numpy as np

PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
PLACE = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])  # six[PLACE] is the tensor
