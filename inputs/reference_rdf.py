"""Radial distribution functions of labelled structures, as a table that [analysis.reference] rdf reads.

python inputs/reference_rdf.py structures.xyz > rdf.csv
"""

import argparse
import sys

import numpy as np

from mdcore.analysis import RDFAccumulator
from mdcore.training.data import sources


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="structures of one composition, in a periodic cell")
    parser.add_argument("--r-max", type=float, default=6.2, help="Angstrom")
    parser.add_argument("--bins", type=int, default=124)
    arguments = parser.parse_args()
    data = [one for file in arguments.files for one in sources.read(file)]
    symbols = sorted(set(data[0].symbols), reverse=True)
    species = np.array([symbols.index(symbol) for symbol in data[0].symbols])
    counter = RDFAccumulator(species, symbols, arguments.r_max, arguments.bins)
    for one in data:
        if one.symbols != data[0].symbols:
            sys.exit(f"{one.where}: other atoms, or in another order, than the first structure")
        counter.add(one.positions, one.box)
    found = counter.result()
    print(f"# {len(data)} structures")
    print(",".join(["r", *found.pairs]))
    for row in zip(found.r, *found.pairs.values(), strict=True):
        print(",".join(f"{value:.5g}" for value in row))


if __name__ == "__main__":
    main()
