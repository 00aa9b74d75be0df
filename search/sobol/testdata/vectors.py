"""Writes ../directions.txt and vectors.txt: python3 vectors.py, with SciPy installed.

directions.txt holds the numbers of Joe and Kuo that SciPy carries; vectors.txt
holds points of SciPy's own unscrambled sequence, for the tests.
"""

import os

import numpy as np
import scipy
from scipy.stats import qmc

DIM = 1111  # all dimensions whose polynomial has a degree of 13 or less
BITS = 32
HERE = os.path.dirname(os.path.abspath(__file__))


def directions():
    table = np.load(os.path.join(os.path.dirname(scipy.__file__), "stats", "_sobol_direction_numbers.npz"))
    with open(os.path.join(HERE, "..", "directions.txt"), "w") as out:
        out.write(
            "# Primitive polynomials and initial direction numbers of Sobol sequences: the\n"
            "# set new-joe-kuo-6.21201 of S. Joe and F. Y. Kuo, Constructing Sobol sequences\n"
            "# with better two-dimensional projections, SIAM J. Sci. Comput. 30 (2008),\n"
            "# 2635-2654. One line for each dimension from the second: the polynomial's\n"
            "# coefficients as the bits of a number, highest power first, and m1, m2, ...\n"
        )
        for poly, m in zip(table["poly"][1:DIM], table["vinit"][1:DIM]):
            degree = int(poly).bit_length() - 1
            out.write(" ".join(str(v) for v in [poly, *m[:degree]]) + "\n")


def fnv(words):
    """FNV-1a over the words as little-endian bytes."""
    h = 0xCBF29CE484222325
    for w in words:
        for byte in int(w).to_bytes(4, "little"):
            h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def point(n):
    sampler = qmc.Sobol(d=DIM, scramble=False, bits=BITS)
    if n > 1 << 21:  # far: from SciPy's matrix, for it would walk there
        gray = n ^ n >> 1
        columns = [sampler._sv[:, k] for k in range(BITS) if gray >> k & 1]
        return np.bitwise_xor.reduce(columns).astype(np.uint64)
    if n > 0:
        sampler.fast_forward(n)
    return (sampler.random(1)[0] * 2.0**BITS).astype(np.uint64)


def vectors():
    shown = [0, 1, 2, 3, 4, 9, 99, 499, 999, 1110]
    with open(os.path.join(HERE, "vectors.txt"), "w") as out:
        out.write("# number of the point; FNV-1a of its %d coordinates * 2^32;\n" % DIM)
        out.write("# the coordinates * 2^32 of dimensions " + " ".join(map(str, shown)) + "\n")
        for n in [*range(17), 31, 100, 1023, 1024, 65537, 1000003, 123456789, 2**31 - 1, 2**32 - 2]:
            p = point(n)
            out.write(" ".join(map(str, [n, fnv(p), *p[shown]])) + "\n")


directions()
vectors()
