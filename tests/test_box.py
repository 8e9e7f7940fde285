"""Does the cell geometry hold for every shape, and does it refuse cells without a volume?"""

import pickle

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.structure.box import Box

RNG = np.random.default_rng(7)
TRICLINIC = np.array([[9.0, 0.3, -0.2], [2.0, 8.0, 0.5], [-1.5, 3.0, 7.0]])
BOXES = [
    Box.cubic(10.0),
    Box.orthorhombic(3.0, 40.0, 7.0),
    Box(TRICLINIC, origin=(1.0, -2.0, 3.0)),
    Box(TRICLINIC[[1, 0, 2]]),  # left-handed
    Box.from_parameters(5.0, 6.0, 7.0, 80.0, 95.0, 120.0),
]


@pytest.mark.parametrize("box", BOXES)
def test_fractional_and_cartesian_are_inverse(box):
    positions = RNG.normal(0.0, 30.0, (50, 3))
    np.testing.assert_allclose(box.cartesian(box.fractional(positions)), positions, atol=1e-12)
    assert box.volume == pytest.approx(abs(np.linalg.det(box.matrix)))


@pytest.mark.parametrize("box", BOXES)
def test_widths_are_distances_between_faces(box):
    for k in range(3):
        u, v = box.matrix[(k + 1) % 3], box.matrix[(k + 2) % 3]
        assert box.widths[k] == pytest.approx(box.volume / np.linalg.norm(np.cross(u, v)))


@pytest.mark.parametrize("box", BOXES)
def test_wrap_brings_atoms_inside_and_counts_images(box):
    positions = RNG.normal(0.0, 60.0, (500, 3))
    wrapped, images = box.wrap(positions)
    inside = box.fractional(wrapped)
    assert images.dtype == np.int32
    assert inside.min() >= 0.0 and inside.max() < 1.0
    np.testing.assert_allclose(wrapped + images @ box.matrix, positions, atol=1e-11)
    again, none = box.wrap(wrapped)
    assert np.array_equal(again, wrapped) and not none.any()


def test_wrap_leaves_no_atom_on_the_far_face():
    box = Box.cubic(10.0)
    wrapped, images = box.wrap([[-1e-20, 10.0, 5.0], [-1e-16, -10.0, 20.0]])
    assert (wrapped < 10.0).all() and (wrapped >= 0.0).all()
    np.testing.assert_allclose(wrapped + images @ box.matrix, [[0, 10, 5], [0, -10, 20]], atol=1e-15)


def test_wrap_only_along_periodic_directions():
    box = Box(TRICLINIC, periodic=(True, False, True))
    positions = RNG.normal(0.0, 60.0, (100, 3))
    wrapped, images = box.wrap(positions)
    assert not images[:, 1].any()
    np.testing.assert_allclose(box.fractional(wrapped)[:, 1], box.fractional(positions)[:, 1], atol=1e-12)
    inside = box.fractional(wrapped)[:, [0, 2]]
    assert inside.min() >= 0.0 and inside.max() < 1.0


def test_from_parameters_gives_back_lengths_and_angles():
    box = Box.from_parameters(5.0, 6.0, 7.0, 80.0, 95.0, 120.0)
    a, b, c = box.matrix
    np.testing.assert_allclose([np.linalg.norm(v) for v in (a, b, c)], [5, 6, 7])
    angles = [
        np.degrees(np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v)))
        for u, v in ((b, c), (a, c), (a, b))
    ]
    np.testing.assert_allclose(angles, [80, 95, 120])
    assert Box.from_parameters(5.0, 6.0, 7.0, 90, 90, 90).is_orthorhombic


def test_around_encloses_a_cluster():
    positions = RNG.normal(100.0, 5.0, (40, 3))
    box = Box.around(positions, margin=2.0)
    assert box.periodic == (False, False, False)
    np.testing.assert_allclose(box.origin, positions.min(axis=0) - 2.0)
    np.testing.assert_allclose(box.origin + np.diag(box.matrix), positions.max(axis=0) + 2.0)
    assert Box.around([[1.0, 2.0, 3.0]]).volume == pytest.approx(8.0)


@pytest.mark.parametrize("given", [(0, 1), (1, 2), (0, 2), (0,), (1,), (2,), ()])
def test_missing_vectors_are_completed_perpendicular(given):
    matrix = np.zeros((3, 3))
    for k in given:
        matrix[k] = TRICLINIC[k]
    periodic = tuple(k in given for k in range(3))
    positions = RNG.normal(0.0, 20.0, (60, 3))
    box = Box.completed(matrix, periodic, positions)
    inside = box.fractional(positions)
    for k in range(3):
        if k in given:
            assert np.array_equal(box.matrix[k], matrix[k])
            continue
        assert inside[:, k].min() > 0.0 and inside[:, k].max() < 1.0
        for other in range(3):
            if other != k:
                assert abs(box.matrix[k] @ box.matrix[other]) < 1e-9


def test_a_wire_along_x_given_as_the_third_vector():
    matrix = [[0, 0, 0], [0, 0, 0], [4.0, 0, 0]]
    box = Box.completed(matrix, (False, False, True), [[0.0, 0.0, 0.0]])
    assert box.volume == pytest.approx(4.0 * 2.0 * 2.0)


def test_boxes_are_read_only_comparable_and_picklable():
    box = BOXES[2]
    with pytest.raises(ValueError):
        box.matrix[0, 0] = 1.0
    assert pickle.loads(pickle.dumps(box)) == box
    assert box != Box.cubic(10.0)
    assert box.replicated((2, 1, 3)).volume == pytest.approx(6 * box.volume)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Box([[1, 0, 0], [0, 1, 0], [1, 1, 0]]), "singular cell"),
        (lambda: Box([[1, 0, 0], [0, 1, 0], [1, 1, 1e-12]]), "singular cell"),
        (lambda: Box(np.diag([1.0, 0.0, 1.0])), "cell vector b has zero length"),
        (lambda: Box(np.diag([1.0, np.nan, 1.0])), "finite"),
        (lambda: Box([1, 2, 3]), "3 x 3"),
        (lambda: Box("abc"), "expected numbers"),
        (lambda: Box.cubic(np.inf), "finite"),
        (lambda: Box.cubic("ten"), "expected numbers"),
        (lambda: Box.cubic(-1.0), "expected positive numbers"),
        (lambda: Box(np.eye(3), periodic=(True, False)), "three booleans"),
        (lambda: Box(np.eye(3), periodic=(1, 2, 0)), "three booleans"),
        (lambda: Box.from_parameters(1, 1, 1, 20, 30, 90), "no cell has the angles"),
        (lambda: Box.from_parameters(1, 1, 0, 90, 90, 90), "lengths must be positive"),
        (lambda: Box.completed(np.diag([1.0, 1.0, 0.0]), True, [[0, 0, 0]]), "cell vector c is missing"),
    ],
)
def test_cells_without_a_volume_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()
