"""Embedded-atom potentials made of formulas, as tables and as files."""

import numpy as np

from mdcore.potentials.manybody.eam import EAMTables

STRENGTHS = {"Al": (1.0, 0.8, 1.0), "Cu": (1.4, 1.0, 0.7)}  # density, pair, depth


def end(r, cutoff):
    """1 at the origin, 0 at the cutoff with three derivatives."""
    return np.where(r < cutoff, 1.0 - (r / cutoff) ** 2, 0.0) ** 4


def tables(elements=("Al", "Cu"), cutoff=2.5, n_r=3000, n_rho=3000, finnis_sinclair=False) -> EAMTables:
    dr, drho = cutoff / (n_r - 1), 40.0 / (n_rho - 1)
    r, rho, n = dr * np.arange(n_r), drho * np.arange(n_rho), len(elements)
    density, z = np.empty((n, n, n_r)), np.empty((n, n, n_r))
    for a, one in enumerate(elements):
        for b, other in enumerate(elements):
            (d1, p1, _), (d2, p2, _) = STRENGTHS[one], STRENGTHS[other]
            density[a, b] = d2 * (d1 if finnis_sinclair else 1.0) * np.exp(-0.8 * r) * end(r, cutoff)
            z[a, b] = p1 * p2 * (np.exp(-1.2 * r) + 0.3 * np.cos(2.0 * r)) * r * end(r, cutoff)
    embedding = np.array([-STRENGTHS[name][2] * np.sqrt(rho + 0.5) + 0.01 * rho for name in elements])
    return EAMTables(elements, embedding, drho, density, z, dr, cutoff, "made of formulas")


def energy(it: EAMTables, symbols, positions, shifts, rho_of=None) -> float:
    """The energy by its formulas, slowly; shifts [n, 3] of images."""
    kinds = [it.elements.index(s) for s in symbols]
    total, grid = 0.0, it.dr * np.arange(it.z.shape[-1])
    for i, a in enumerate(kinds):
        rho = 0.0
        for j, b in enumerate(kinds):
            away = np.linalg.norm(positions[j] + shifts - positions[i], axis=1)
            for r in away[(away > 0.0) & (away < it.cutoff)]:
                rho += np.interp(r, grid, it.density[a, b])
                total += 0.5 * np.interp(r, grid, it.z[a, b]) / r
        total += np.interp(rho, it.drho * np.arange(it.embedding.shape[-1]), it.embedding[a])
    return total


def _lines(values) -> str:
    return "\n".join(" ".join(f"{v:.17e}" for v in values[k : k + 5]) for k in range(0, len(values), 5)) + "\n"


def setfl(it: EAMTables, finnis_sinclair=False) -> str:
    n, (n_rho, n_r) = len(it.elements), (it.embedding.shape[-1], it.z.shape[-1])
    text = "made of\nformulas\n\n" + f"{n} {' '.join(it.elements)}\n"
    text += f"{n_rho} {it.drho:.17e} {n_r} {it.dr:.17e} {it.cutoff:.17e}\n"
    for a in range(n):
        text += f"{a + 1} {10.0 * (a + 1)} 4.0 fcc\n" + _lines(it.embedding[a])
        for b in range(n if finnis_sinclair else 1):
            text += _lines(it.density[b, a])
    for a in range(n):
        for b in range(a + 1):
            text += _lines(it.z[a, b])
    return text
