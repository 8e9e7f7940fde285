"""What does a trajectory say: g(r), its first peak, and the diffusion coefficient?

``analyse`` reads the ``.h5md`` file of a run; ``rdf`` and ``diffusion`` work on plain arrays.
"""

from mdcore.analysis.diffusion import Diffusion, diffusion, mean_square_displacement
from mdcore.analysis.rdf import RDF, RDFAccumulator, first_peak, rdf
from mdcore.analysis.report import Report, analyse
from mdcore.analysis.table import read_table

__all__ = [
    "RDF",
    "Diffusion",
    "RDFAccumulator",
    "Report",
    "analyse",
    "diffusion",
    "first_peak",
    "mean_square_displacement",
    "rdf",
    "read_table",
]
