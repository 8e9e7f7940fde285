"""Density networks in the engine: layer after layer, messages forward, their derivatives back.

Each atom sends a message of `channels` numbers (and as many vectors) in each layer but the first (model.py). So a step
is one pass over the atoms for each layer, `domain.forward` of messages to ghosts after each but the last; then one pass
for each layer backwards, `domain.reverse_add` of dE/dmessage to owners before each. What is added is of the grid of
forces (base/exact.py), so sums do not depend on ranks or threads. Nothing reaches farther than the cutoff of one layer.
Of a committee, energy and forces are means: the readout of each member is divided by their number.
"""

import numpy as np

from mdcore.base import exact
from mdcore.base.errors import InputError
from mdcore.base.exact import FORCE_BITS
from mdcore.doors._density import FINISH, RETURN, SEND, Densities, Edges, most_threads
from mdcore.potentials.density.model import DensityNetwork, Design
from mdcore.potentials.networks.outside import APART, DESCRIPTORS, EXCESS, NEAREST, OUTSIDE, RANGE, WORST
from mdcore.potentials.networks.running import BoundTrained, TrainedPotential
from mdcore.potentials.networks.vectors import environments
from mdcore.structure.atoms import Column

ROUNDING = 1e-9  # of a range
FLOATS = 1e-5  # likewise, in mixed precision
BLOCK = 1024  # atoms that are looked at together


class DensityPotential(TrainedPotential):
    """A density network, computed from its in-memory `model` (read_model makes one), with the model's walls.

    precision : "double", or "mixed": densities and products in single precision, readout and sums in double
    threads, extrapolation, disagreement : as for HDNNPotential; a model without `ranges` is not watched

    InputError if the answers to the model's test vectors are wrong, and from `bind` for species it does not know.
    """

    takes, most_threads = DensityNetwork, staticmethod(most_threads)

    def __init__(
        self, model: DensityNetwork, units=None, *, precision: str = "double", threads: int | None = None,
        extrapolation="warn", disagreement=None,
    ):  # fmt: skip
        super().__init__(model, units, precision, threads, extrapolation, disagreement)
        if not model.ranges:
            policy = self.policies.pop("extrapolation")
            if getattr(policy, "policy", policy) not in ("ignore", "warn"):
                raise InputError(
                    f"{self.name}: its range of training is not known, so nobody can look whether atoms leave it; "
                    "mdcore convert FILE NEW.h5 --data TRAINING_SET adds it"
                )

    @classmethod
    def tables_of(cls, model: DensityNetwork, precision: str = "double") -> list[Densities]:
        return tables_of(model, precision)

    @classmethod
    def answers_of(cls, model: DensityNetwork, tables=None) -> "Answers":
        return Answers(model, tables or tables_of(model))

    def offset(self, e: int) -> float:
        """Of the energies of an element, eV; of members the largest."""
        return float(np.abs(self._offsets(e)).max())

    def zero(self, e: int) -> float:
        return float(np.mean(self._offsets(e)))

    def _offsets(self, e: int) -> list[float]:
        model = self.model
        return [own.views(flat)["E0"][e] for own, flat in zip(model.member_designs, model.members, strict=True)]

    @property
    def tells_virials(self) -> bool:
        """With messages an atom's energy depends on atoms beyond the cutoff, which virials of pairs do not know."""
        return all(own.layers == 1 for own in self.model.member_designs) and super().tells_virials

    @property
    def content(self) -> str:
        """What it is made of, in words."""
        return "; ".join(dict.fromkeys(own.words for own in self.model.member_designs))

    @property
    def findings(self):
        return tuple(own for own in super().findings if self.model.ranges or own not in RANGE or own is NEAREST)

    def bound(self, symbols) -> "BoundDensity":
        return BoundDensity(self, symbols)

    def label(self, symbol: str, index: int) -> str:
        """How messages name a feature."""
        ends = self.model.ends
        member = int(np.searchsorted(ends, index, side="right"))
        design = self.model.member_designs[member]
        layer, channel = divmod(index - (int(ends[member]) - design.features), design.channels)
        own = f"member {member + 1}, " if self.is_committee else ""
        return f"{symbol} {own}layer {layer + 1}, channel {channel + 1}"

    def n_descriptors(self, symbol: str) -> int:
        """How many features an atom has, of all members."""
        return int(self.model.ends[-1])


class BoundDensity(BoundTrained):
    """A density network in a system of these species."""

    def __init__(self, potential: DensityPotential, symbols):
        super().__init__(potential, symbols)
        model, self.columns, self.made = potential.model, {}, {}
        self.designs, self.ends = model.member_designs, model.ends
        self.width = int(self.ends[-1])
        self.number = self.tables[0].number  # what messages are rounded to
        self.sent = [{t: self._sent(own, t) for t in range(1, own.layers)} for own in self.designs]
        for own, sent in zip(self.designs, self.sent, strict=True):
            for message, pull in sent.values():
                self.columns[message] = Column(self.number.str[1:], (_row(own),))
                self.columns[pull] = Column("f8", (_row(own),), adds=True, grid=FORCE_BITS)
        if model.ranges:
            low, high = np.concatenate(model.ranges, axis=2)
            self.middle, width = 0.5 * (low + high), high - low
            with np.errstate(divide="ignore", invalid="ignore"):  # an element that no structure had: never outside
                self.per_range = np.where(np.isfinite(width) & (width > 0.0), 1.0 / width, 0.0)
            self.middle[self.per_range == 0.0] = 0.0
            self.edge = 0.5 + FLOATS * (potential.precision == "mixed")

    def _sent(self, design: Design, t: int) -> tuple[str, str]:
        """Columns of messages and of pulls of layer t, of a width: several networks may be in one sum."""
        row = f"{t}_{_row(design)}"
        return f"message_{row}{'' if self.number == np.float64 else '_single'}", f"pull_{row}"

    def compute(self, atoms, neighbors, domain, out) -> None:
        self._spread = None
        told = self._room(atoms.n_owned)
        for k in range(len(self.tables)):
            features = self._member(k, atoms, neighbors.full, domain, atoms.f, out.want_energy, out.limbs(),
                                    out.atom_energies, out.atom_virials, told=told)  # fmt: skip
            out.add_limbs()
            if told:
                self._look(k, features, atoms, told)
        if self.walls:
            self.walls.compute(atoms, neighbors.of(self.walls.potential), domain, out)

    def _member(
        self, k: int, atoms, full, domain, f, energy, limbs, energies=None, virials=None, *, weights=None, back=True,
        told=None,
    ) -> np.ndarray:  # fmt: skip
        """Add the forces of member k to f, its energy to limbs; weights : of the energies in forces; not back :
        only the energies are right; told : gets what there is to say of distances (collective). Its features."""
        tables, sent, n = self.tables[k], self.sent[k], atoms.n_owned
        last, width = len(sent), self.designs[k].features
        if width not in self.made or self.made[width].shape[1] < n:
            self.made[width] = np.zeros((2, n + n // 8, width))
        features, slopes = self.made[width]
        messages = {t: getattr(atoms, message) for t, (message, _) in sent.items()}
        pulls = {t: getattr(atoms, pull) for t, (_, pull) in sent.items()}
        notes = (told[OUTSIDE], told[APART], told[NEAREST]) if told and not k else ()
        homes = domain.homes(atoms)  # where there is one rank, nothing need be copied
        for pull in pulls.values():
            pull[: n if homes is not None else atoms.n_total] = 0.0

        def run(*passes):
            tables.run(
                passes, atoms.x, f, full.first, full.index, full.bounds, self.species_of, self.element_of,
                atoms.n_total, features, slopes, messages, pulls, homes, self.threads, energy, limbs,
                energies, virials, weights, *notes,
            )  # fmt: skip

        forth = [*((SEND, t) for t in range(last)), (FINISH, last)]
        passes = forth + [(RETURN, t) for t in range(last - 1, -1, -1)] if back else forth
        if homes is not None:
            run(*passes)
            return features
        for what, t in passes:
            if what == RETURN:
                domain.reverse_add(atoms, sent[t + 1][1])
            run((what, t))
            if what == SEND:
                domain.forward(atoms, sent[t + 1][0])
        return features

    def _room(self, n: int):
        """`beside`, with room for n atoms, if anything is wanted."""
        return super()._room(n, {*self.wanted, *RANGE}) if self.wanted else {}

    def _look(self, k: int, features: np.ndarray, atoms, told) -> None:
        """How far are atoms outside what member k was trained on?"""
        n, end = atoms.n_owned, int(self.ends[k])
        own = slice(end - features.shape[1], end)
        if DESCRIPTORS in told:
            told[DESCRIPTORS][:n, own] = features[:n]
        if not self.potential.model.ranges:
            return
        if not k:
            told[EXCESS][:n], told[WORST][:n] = 0.0, -1
        kinds = self.element_of[atoms.species[:n]]
        for begin in range(0, n, BLOCK):
            rows = slice(begin, min(begin + BLOCK, n))
            e = kinds[rows]
            far = np.abs((features[rows] - self.middle[e, own]) * self.per_range[e, own])
            out = np.flatnonzero(far.max(axis=1) > self.edge + ROUNDING)
            if not len(out):
                continue
            far, at = far[out] - self.edge, begin + out
            told[OUTSIDE][at] += np.count_nonzero(far > ROUNDING, axis=1).astype(np.int32)
            most = far.max(axis=1)
            farther = most > told[EXCESS][at]
            told[EXCESS][at[farther]] = most[farther]
            told[WORST][at[farther]] = far.argmax(axis=1)[farther] + own.start

    def members_of(self, atoms, full, domain):
        """Each member alone, once more; the tables have their share of the mean."""
        m = len(self.tables)
        found, limbs = np.zeros((m, atoms.n_total, 4)), np.zeros((m, exact.LIMBS), dtype=np.int64)
        for k, (f, own) in enumerate(zip(found, limbs, strict=True)):
            self._member(k, atoms, full, domain, f, True, own)
            own[:] = exact.limbs(m * exact.integer(own))
        return np.ascontiguousarray((m * found[:-1] - found.sum(axis=0)).transpose(1, 0, 2)), limbs

    def shares_of(self, atoms, neighbors, domain):
        n, m, told, limbs = atoms.n_owned, len(self.tables), self._room(atoms.n_owned), np.zeros(exact.LIMBS, np.int64)
        self._spread = None
        shares, unused = np.zeros((m, max(n, 1))), np.zeros((len(atoms.f), 4))
        for k, own in enumerate(shares):
            features = self._member(k, atoms, neighbors.full, domain, unused, True, limbs, own, back=False, told=told)
            if told:
                self._look(k, features, atoms, told)
        return m * shares[:, :n].T

    def weigh(self, atoms, neighbors, domain, weights):
        m, weights = len(self.tables), np.ascontiguousarray(weights.T)
        for k, own in enumerate(m * weights):
            self._member(k, atoms, neighbors.full, domain, atoms.f, False, None, weights=own)


class Answers:
    """model, and its kernels' tables"""

    periodic, rounding = True, 0.0

    def __init__(self, model: DensityNetwork, tables: list[Densities]):
        self.model, self.tables = model, tables

    def respond(self, symbols, positions, cell=None) -> tuple[float, np.ndarray, float]:
        """Energy and forces [n, 3] of a small structure (vectors.py), and how usual its distances are: of nearer atoms
        forces of a network alone grow without end."""
        positions = np.asarray(positions, dtype=np.float64)
        species = np.array([self.model.elements.index(s) for s in symbols], dtype=np.int32)
        first, j, d = environments(positions, species, cell, self.model.cutoff, len(self.model.elements))
        edges = Edges(np.append(first[:, 0], first[-1, -1]), j, d.T, species)
        answers = [own.evaluate(edges) for own in self.tables]
        forces = sum(own[1] for own in answers)
        nearest = np.sqrt((d * d).sum(axis=0)).min(initial=np.inf)
        usual = self.model.cutoff * (4.0 / 3.0 * np.pi / self.model.design.neighbours) ** (1.0 / 3.0)
        return float(sum(own[0].sum() for own in answers)), forces, -abs(np.log(nearest / usual))


def _row(design: Design) -> int:
    """Numbers of a message."""
    return design.program.parts * design.channels


def tables_of(model: DensityNetwork, precision: str = "double") -> list[Densities]:
    """The kernels' tables of each member, whose energies and forces add up to the mean."""
    found, nearest = [], model.watched and model.watched.table(1.0)
    for k, design in enumerate(model.member_designs):
        theta = model.fold(k)
        for name in ("energy", "linear", "out"):
            design.folded_views(theta)[name][...] /= len(model.members)
        found.append(Densities(design.sizes, design.program, theta, precision, nearest))
    return found
