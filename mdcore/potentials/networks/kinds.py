"""Which kinds of descriptors are there? Kernels, files, mdcore info and mdcore train look here."""

from mdcore.potentials.networks import chebyshev, symmetry

KINDS = {kind.name: kind for kind in (symmetry.KIND, chebyshev.KIND)}
