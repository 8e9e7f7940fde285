"""How far does a density network look, with how many radial functions, where nobody says so?"""

from dataclasses import replace

import numpy as np
import pytest

from mdcore.base.comm import SelfComm
from mdcore.training.data.labelled import Labelled
from mdcore.training.reach import settled
from mdcore.training.settings import DensitySettings
from tests.density_twin import random_network

SITES = np.array([[0.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
ONE_LAYER = DensitySettings(layers=1)


def crystal(nearest: float, symbol: str = "Cu") -> Labelled:
    """Face-centred cubic, of this distance of neighbours."""
    a = np.sqrt(2.0) * nearest
    return Labelled(symbols=(symbol,) * 4, positions=a * SITES, cell=a * np.eye(3), periodic=(True,) * 3)


def sizes(s: DensitySettings, data=(), start=None):
    found = settled(s, data, start, SelfComm())
    return found.cutoff, found.radial, found.mixed


@pytest.mark.parametrize(
    ("nearest", "found"),
    [(2.56, (7.0, 14, 12)), (2.0, (5.5, 11, 8)), (1.1, (5.0, 10, 8)), (3.7, (8.0, 16, 16))],
    ids=["copper", "between", "close", "far"],
)
def test_one_layer_sees_shells(nearest, found):
    assert sizes(ONE_LAYER, [crystal(nearest)]) == found


def test_the_mean_is_over_atoms():
    """A molecule, whose atoms are close, and a lone atom, which counts for nothing."""
    molecule = Labelled(symbols=("H", "H"), positions=[[0, 0, 0], [0, 0, 2.0]])
    lone = Labelled(symbols=("Cu",), positions=[[0, 0, 0]])
    data = [crystal(2.6), molecule, lone]
    assert sizes(ONE_LAYER, data)[0] == pytest.approx(round(2.75 * (4 * 2.6 + 2 * 2.0) / 6, 1))


def test_more_layers_see_by_messages():
    assert sizes(DensitySettings(), [crystal(2.56)]) == (5.0, 10, 8)


def test_what_is_given_stays():
    assert sizes(replace(ONE_LAYER, cutoff=6.0)) == (6.0, 12, 12)
    assert sizes(replace(ONE_LAYER, cutoff=6.0, radial=7, mixed=16)) == (6.0, 7, 16)
    assert sizes(replace(ONE_LAYER, cutoff=90.0)) == (90.0, 32, 32)
    assert sizes(replace(ONE_LAYER, cutoff=1.0)) == (1.0, 2, 4)


def test_a_start_has_its_own():
    start = random_network(layers=1, cutoff=4.5)
    assert sizes(ONE_LAYER, [crystal(2.56)], start) == (4.5, 5, 4)
    assert sizes(replace(ONE_LAYER, radial=9), [crystal(2.56)], start) == (4.5, 9, 4)
