"""Which settings does a model have that is to be trained? Sections of ``train.toml`` (training.py)."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError
from mdcore.faces.schema import Boolean, Choice, Integer, List, Number, OneOf, Table, Text, setting
from mdcore.potentials.networks.kinds import KINDS
from mdcore.potentials.networks.native_units import Units
from mdcore.training.settings import ACTIVATIONS, CUTOFF_FUNCTIONS
from mdcore.training.settings import DensitySettings as Density
from mdcore.training.settings import DescriptorSettings as Descriptors
from mdcore.training.settings import NetworkSettings as Network

ATOM_ENERGIES = OneOf((Choice(("fit", "isolated", "none")), Table(Number(minimum=-1e8, maximum=1e8))))
GENERATED_ONLY = (
    "cutoff", "radial", "angular", "angular_shells", "angular_cutoff", "zetas", "wide", "keep", "method", "rare",
)  # fmt: skip
SYMMETRY_ONLY = ("cutoff_function", "angular_shells", "zetas", "wide", "file", "units", "functions")


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """What is trained: networks of descriptors, one for each element, of which `[descriptors]` and `[network]` say
    more; or a density network, one for all elements, which passes messages from atom to atom. The other keys are of the
    latter ([training](training.md#density-networks)).
    """

    type: str = setting(
        Choice(("symmetry", "density")),
        'Type of the model; `"tensors"`, of dipole moments and polarizabilities, has [sections of its '
        "own](tensors-input.md).",
        default="symmetry",
        example="density",
    )
    cutoff: float | None = setting(
        Number(above=0, maximum=100),
        "How far an atom sees in each layer.",
        default=Density.cutoff,
        default_text="5; of one layer 2.75 times the mean distance of nearest neighbours in the data, 5 to 8",
        quantity="length",
        example=6.0,
    )
    layers: int = setting(
        Integer(minimum=1, maximum=4),
        "1: no messages, an expansion of atomic clusters (ACE); each more lets an atom see farther by the cutoff.",
        default=Density.layers,
        example=1,
    )
    channels: int = setting(
        Integer(minimum=16, maximum=1024),
        "Densities of each layer, a multiple of 16: what costs most and helps most.",
        default=Density.channels,
        example=32,
    )
    l_max: int | None = setting(
        Integer(minimum=0, maximum=4),
        "Largest l of spherical harmonics.",
        default=Density.l_max,
        default_text="3; of one layer 4",
        example=2,
    )
    factors: int = setting(
        Integer(minimum=1, maximum=4),
        "Densities in a product, at most: 2 sees angles, 3 torsions.",
        default=Density.factors,
        example=4,
    )
    radial: int | None = setting(
        Integer(minimum=1, maximum=32),
        "Bessel functions of the distance.",
        default=Density.radial,
        default_text="2 an Angstrom of the cutoff",
        example=8,
    )
    mixed: int | None = setting(
        Integer(minimum=4, maximum=128),
        "Radial functions that are learnt of these, for each two elements; a multiple of 4.",
        default=Density.mixed,
        default_text="as many as `radial`, or up to 3 less",
        example=12,
    )
    hidden: int = setting(
        Integer(minimum=0, maximum=128),
        "Nodes of the network that makes energies of the last features, a multiple of 4; 0: they are linear in these.",
        default=Density.hidden,
        example=32,
    )
    element_rank: int = setting(
        Integer(minimum=0, maximum=64),
        "For many elements: radial functions of two elements are sums of so many terms, each a number of either "
        "element times functions that all share; 0: those of each two elements are their own.",
        default=Density.element_rank,
        example=4,
    )
    message_l: int = setting(
        Integer(minimum=0, maximum=1),
        "1: atoms send each other a vector in each channel, too, beside a number, for about twice the time; 0: numbers "
        "alone.",
        default=Density.message_l,
        example=1,
    )
    envelope: int = setting(
        Integer(minimum=2, maximum=32),
        "Exponent of the polynomial that takes radial functions to zero at the cutoff: at 4/5 of it 6 leaves a fifth "
        "of them, 12 more than half.",
        default=Density.envelope,
        example=12,
    )
    precision: str = setting(
        Choice(("double", "mixed")),
        'Of the kernels in training; `"mixed"` computes distances, densities and products in single precision.',
        default=Density.precision,
        example="mixed",
    )
    atom_energies: str | dict[str, float] = setting(
        ATOM_ENERGIES, "As in `[network]`.", default=Density.atom_energies, example="isolated"
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        others = [key for key in given if key != "type"]
        if self.type == "symmetry" and others:
            told = f"{', '.join(others)}: of" if len(others) > 1 else "of"
            yield others[0], f'{told} type = "density" only; [descriptors] and [network] say what "symmetry" is'
        for key, step in (("channels", 16), ("mixed", 4), ("hidden", 4)):
            if (getattr(self, key) or 0) % step:
                yield key, f"expected a multiple of {step}"
        yield from unknown_elements("atom_energies", self.atom_energies)


@dataclass(frozen=True, kw_only=True)
class DescriptorSettings:
    """What networks of descriptors see: generated and chosen on the data, or given. Lengths in Angstrom."""

    kind: str = setting(
        Choice(tuple(KINDS)),
        "Symmetry functions; or polynomials of distances and angles, whose number does not grow with that of the "
        "elements: for many of them. n2p2 and LAMMPS know the first alone.",
        default=Descriptors.kind,
        example=tuple(KINDS)[-1],
    )
    cutoff: float | None = setting(
        Number(above=0, maximum=1000),
        "Of the generated set: how far an atom sees.",
        default=Descriptors.cutoff,
        default_text="required, unless descriptors are given",
        quantity="length",
        example=6.0,
    )
    cutoff_function: str = setting(
        Choice(tuple(CUTOFF_FUNCTIONS)),
        "How descriptors fade at the cutoff; `poly2` has two continuous derivatives. Of `functions` too.",
        default=Descriptors.cutoff_function,
        example="poly2",
    )
    radial: int = setting(
        Integer(minimum=1, maximum=30),
        "Radial candidates for each neighbour element: so many Gaussians at the centre and so many shells, from the "
        "shortest distance in the data to the cutoff. Of polynomials: so many orders.",
        default=Descriptors.radial,
        example=10,
    )
    angular: int = setting(
        Integer(minimum=0, maximum=16),
        "Widths of the angular candidates for each two neighbour elements; each comes with both signs of lambda and "
        "all `zetas`. Of polynomials: so many orders.",
        default=Descriptors.angular,
        example=3,
    )
    angular_shells: int = setting(
        Integer(minimum=0, maximum=16),
        "Shells of angular candidates that see the angles between two neighbours at about the same distance, with both "
        "signs of lambda and all `zetas`; type 9.",
        default=Descriptors.angular_shells,
        example=6,
    )
    angular_cutoff: float | None = setting(
        Number(above=0, maximum=1000),
        "Cutoff of angular candidates, if it is another one: the cost of a step goes with its sixth power.",
        default=Descriptors.angular_cutoff,
        default_text="`cutoff`",
        quantity="length",
        example=4.5,
    )
    zetas: tuple[float, ...] = setting(
        List(Number(above=0, maximum=1e4)),
        "Exponents of angular candidates; up to 8 they are fast.",
        default=Descriptors.zetas,
        example=[1, 4],
    )
    wide: bool = setting(
        Boolean(),
        "Angular candidates without factors of r_jk: type 9 instead of 3.",
        default=Descriptors.wide,
        example=True,
    )
    keep: int | dict[str, int] | None = setting(
        OneOf((Integer(1, 10_000), Table(Integer(1, 10_000)))),
        "How many candidates each element keeps: one number, or one for each element.",
        default=Descriptors.keep,
        default_text="all that vary and differ",
        example={"H": 27, "O": 30},
    )
    method: str = setting(
        Choice(("cur", "fps")),
        'How they are chosen: `"cur"`, by what is left of the leading principal component; `"fps"`, farthest-point '
        'sampling.',
        default=Descriptors.method,
        example="fps",
    )
    rare: float = setting(
        Number(minimum=0),
        "Candidates with values so many standard deviations above their mean are dropped: they look where atoms hardly "
        "ever are, and make dynamics fragile. 0: none is, for data of different kinds of structures.",
        default=Descriptors.rare,
        example=0.0,
    )
    scaling: str = setting(
        Choice(("scale_center", "scale", "center", "sigma")),
        'How values enter the networks: (G - mean) / (max - min), (G - min) / (max - min), G - mean, (G - mean) / '
        'sigma.',
        default=Descriptors.scaling,
        example="sigma",
    )
    file: str | None = setting(
        Text(),
        "An `input.nn` with `symfunction_short` lines, or its folder: these are taken; relative to the input file.",
        default=Descriptors.file,
        default_text="generated",
        example="net/input.nn",
    )
    units: dict[str, str] = setting(
        Table(Text()), "Units of `file`.", factory=dict, example={"length": "bohr", "energy": "hartree"}
    )
    functions: tuple[str, ...] = setting(
        List(Text()),
        'These are taken, one a line, as `symfunction_short` lines in Angstrom without the keyword: `"H 2 O eta rs '
        'rc"`, '
        '`"O 3 H H eta lambda zeta rc"`.',
        default=Descriptors.functions,
        default_text="generated",
        example=["O 2 H 0.3 0.0 6.0", "H 2 O 0.3 0.0 6.0"],
    )

    @property
    def is_given(self) -> bool:
        return self.file is not None or bool(self.functions)

    def check(self, given) -> Iterator[tuple[str, str]]:
        for key in SYMMETRY_ONLY if self.kind != "symmetry" else ():
            if key in given:
                yield key, 'applies to kind = "symmetry" only'
        if self.file and self.functions:
            yield "functions", "choose one: file or functions"
        if self.is_given:
            for key in GENERATED_ONLY:
                if key in given:
                    yield key, "applies to generated descriptors only, and these are given"
        elif self.cutoff is None:
            yield "cutoff", "required to generate descriptors, in Angstrom, e.g. cutoff = 6.0"
        if self.cutoff and self.angular_cutoff and self.angular_cutoff > self.cutoff:
            yield "angular_cutoff", f"must not exceed the cutoff, {self.cutoff:g}"
        if self.units and not self.file:
            yield "units", "applies to a file only"
        try:
            Units.parse(self.units or None, "a unit")
        except InputError as error:
            yield "units", str(error).removeprefix("a unit: ")
        if self.file and not self.units:
            yield "file", 'state its units, e.g. units = { length = "bohr", energy = "hartree" }'
        yield from unknown_elements("keep", self.keep)


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The networks, one for each element, and the zero of energy."""

    hidden: tuple[int, ...] = setting(
        List(Integer(minimum=1, maximum=1000), repeats=True),
        "Nodes of each hidden layer.",
        default=Network.hidden,
        example=[20, 20],
    )
    activation: str = setting(
        Choice(tuple(ACTIVATIONS)), "Of the hidden layers.", default=Network.activation, example="softplus"
    )
    atom_energies: str | dict[str, float] = setting(
        ATOM_ENERGIES,
        'Energies taken off before training: `"fit"`, least squares on the compositions; `"isolated"`, of the '
        'structures that '
        "are one atom alone; or given, in eV.",
        default=Network.atom_energies,
        example={"H": -13.6, "O": -2041.8},
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        yield from unknown_elements("atom_energies", self.atom_energies)


def unknown_elements(key: str, table) -> Iterator[tuple[str, str]]:
    """Complaints about keys of a table that are no elements."""
    for name in table if isinstance(table, dict) else ():
        if name not in ATOMIC_NUMBERS:
            yield key, f"{name!r} is no chemical element"
