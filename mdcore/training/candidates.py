"""Which descriptors could describe these surroundings? A set of each kind."""

from mdcore.potentials.networks.chebyshev import chebyshev
from mdcore.training import symmetry_sets
from mdcore.training.settings import CUTOFF_FUNCTIONS, DescriptorSettings


def _symmetry(s: DescriptorSettings, elements, pairs):
    return symmetry_sets.generate(
        elements, {pair: own.shortest for pair, own in pairs.items()}, s.cutoff, radial=s.radial, angular=s.angular,
        zetas=s.zetas, angular_shells=s.angular_shells, angular_cutoff=s.angular_cutoff, wide=s.wide,
        cutoff_type=CUTOFF_FUNCTIONS[s.cutoff_function], seen={pair: own.seen for pair, own in pairs.items()},
    )  # fmt: skip


def _chebyshev(s: DescriptorSettings, elements, pairs):
    reach = {"cutoff": s.cutoff, "angular_cutoff": s.angular_cutoff or s.cutoff}
    orders = {"radial": s.radial, "angular": s.angular, "weighted": len(elements) > 1}
    return {e: list(chebyshev(e, **orders, **reach)) for e in elements}


# {kind: function of (settings, elements, {pair of elements: its distances in the data}) to {element: candidates}}
CANDIDATES = {"symmetry": _symmetry, "chebyshev": _chebyshev}
