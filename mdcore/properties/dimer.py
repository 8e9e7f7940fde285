"""Along which direction is the energy most curved downwards here? The dimer, and how it turns.

Two images lie `APART` on both sides of a structure, along a unit vector N. The force on one of them and in the middle
say the curvature along N and what turns N towards the lowest one: G. Henkelman, H. Jonsson, J. Chem. Phys. 111, 7010
(1999). How far to turn, and what the force is there, follows from a single trial (A. Heyden, A. T. Bell, F. J. Keil, J.
Chem. Phys. 123, 224101 (2005); J. Kaestner, P. Sherwood, J. Chem. Phys. 128, 014106 (2008)), for in the plane of a turn
the curvature is a0 / 2 + a1 cos 2 phi + b1 sin 2 phi.
"""

import math

import numpy as np

APART = 0.005  # unit of length; of the middle from an image, all atoms together
SMALL = math.radians(1.0)  # turns below that are not worth an evaluation


class Dimer:
    """forces : function of positions [n, 3]; held : bool [n, 3], components that do not move
    stiff : function of positions: float64 [k, n, 3], orthonormal motions that cost nothing (of the whole), which are no
    direction; direction : float64 [n, 3], to begin with
    """

    def __init__(self, forces, held, stiff, direction, scale: float = 1.0):
        self.forces, self.held, self.stiff, self.apart = forces, held, stiff, APART * scale
        self.direction, self.turns = direction, 0
        self.curvature = math.nan

    def across(self, positions, vector):
        """A vector [n, 3] without what is held and what costs nothing."""
        vector = np.where(self.held, 0.0, vector)
        for motion in self.stiff(positions):
            vector = vector - dot(motion, vector) * motion
        return vector

    def turn(self, positions, here, most: int) -> None:
        """Turn at most so often; here : the force at positions [n, 3]. Conjugate gradients choose the plane."""
        n = unit(self.across(positions, self.direction))
        there = self.across(positions, self.forces(positions + self.apart * n))
        here = self.across(positions, here)
        last, way, reach = None, None, 0.0
        for count in range(most + 1):
            self.curvature = dot(here - there, n) / self.apart
            push = 2.0 * (there - here)
            push -= dot(push, n) * n  # turns the dimer
            size = norm(push)
            if count == most or size == 0.0:
                break
            plane = push
            if way is not None:
                plane = push + max(0.0, dot(push - last, push) / dot(last, last)) * reach * way
                plane = plane - dot(plane, n) * n
            reach = norm(plane)
            plane = plane / reach
            slope = -dot(push, plane) / self.apart  # d curvature / d angle; 2 b1
            trial = -0.5 * math.atan2(slope, 2.0 * abs(self.curvature))
            if abs(trial) < SMALL:
                break
            turned = math.cos(trial) * n + math.sin(trial) * plane
            beside = self.across(positions, self.forces(positions + self.apart * turned))
            after, b = dot(here - beside, turned) / self.apart, 0.5 * slope
            a = (self.curvature - after + b * math.sin(2.0 * trial)) / (1.0 - math.cos(2.0 * trial))
            best = 0.5 * math.atan2(-b, -a)  # the lowest of a cos 2 phi + b sin 2 phi
            # the force there, by those at 0 and at the trial: linear in the displacement
            there = (
                math.sin(trial - best) / math.sin(trial) * there + math.sin(best) / math.sin(trial) * beside
                + (1.0 - math.cos(best) - math.sin(best) * math.tan(0.5 * trial)) * here
            )  # fmt: skip
            n, way = math.cos(best) * n + math.sin(best) * plane, math.cos(best) * plane - math.sin(best) * n
            last = push
            self.turns += 1
        self.direction = n

    def push(self, positions, here):
        """What leads to the saddle point: the force, turned round along the dimer where the energy is curved downwards
        along it, elsewhere without that part."""
        here = self.across(positions, here)
        along = dot(here, self.direction) * self.direction
        return here - (2.0 if self.curvature < 0.0 else 1.0) * along

    def out(self, uphill, farthest: float):
        """The step out of a region where it is curved upwards: along the dimer, to the side of `uphill` [n, 3], so far
        that one atom moves that much."""
        longest = math.sqrt(float((self.direction**2).sum(axis=1).max()))
        return math.copysign(farthest / longest, dot(uphill, self.direction)) * self.direction


def whole_motions(system, positions):
    """float64 [k, n, 3], orthonormal: shifts of the whole, turns of a cluster, and about its axis those of a wire.

    None of them if an atom is held."""
    if system.fixed is not None and system.fixed.any():
        return np.zeros((0, *positions.shape))
    n = len(positions)
    motions = [np.tile(axis, (n, 1)) for axis in np.eye(3)]
    periodic, around = system.box.periodic, positions - positions.mean(axis=0)
    axes = {0: np.eye(3), 1: system.box.matrix[list(periodic)]}.get(sum(periodic), ())
    motions += [np.cross(axis, around) for axis in axes]
    found = []
    for motion in motions:
        for other in found:
            motion = motion - dot(other, motion) * other
        size = norm(motion)
        if size > 1e-6 * max(1.0, float(np.abs(around).max())):  # of linear molecules two turns are left
            found.append(motion / size)
    return np.array(found)


def dot(a, b) -> float:
    """In one order, not by BLAS, whose bits depend on its threads."""
    return float((a * b).sum())


def norm(a) -> float:
    return math.sqrt(dot(a, a))


def unit(a):
    return a / norm(a)
