"""Which settings say what is written, printed and computed at the end?"""

# ruff: noqa: RUF009  (setting() is a dataclass field)

from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.config.document import check_name
from mdcore.faces.schema import Boolean, Choice, Integer, List, Number, Section, Text, setting

# of the screen: what the log always has, and what it has if it is asked for (output/thermo_log.py)
THERMO_COLUMNS = (
    "time", "temperature", "kinetic", "potential", "total", "conserved", "pressure", "density", "stress", "volume",
    "enthalpy", "cell", "heat_current",
)  # fmt: skip
DUMP_FIELDS = ("velocity", "force", "energy", "columns")  # as output/selection.py has them


@dataclass(frozen=True, kw_only=True)
class OutputSettings:
    """What is written, and how often. Intervals are in steps; 0 switches an output off."""

    name: str | None = setting(
        Text(),
        "Prefix of all files written.",
        default=None,
        default_text="the input file's name",
        example="argon",
    )
    directory: str = setting(
        Text(),
        "Folder of the files written, relative to where the command is run; made if needed.",
        default=".",
        example="results",
    )
    thermo_every: int = setting(
        Integer(minimum=0),
        "Steps between lines of thermodynamic data, on the screen and in `<name>.h5md`.",
        default=100,
        example=100,
    )
    screen_every: int = setting(
        Integer(minimum=0),
        "Steps between lines on the screen, where there are to be fewer than in the file; 0: all of them.",
        default=0,
        example=1000,
    )
    thermo_columns: tuple[str, ...] | None = setting(
        List(Choice(THERMO_COLUMNS)),
        "Columns on the screen, in this order. `stress` has six; `volume`, `enthalpy`, `cell` (lengths and angles) and "
        "`heat_current` (three; takes about as long as a step) are in the file, too, if they are named here; the "
        "others always are.",
        default=None,
        default_text="what the terminal has room for",
        example=["time", "temperature", "pressure", "volume"],
    )
    thermo_csv: bool = setting(
        Boolean(),
        "Write the log as `<name>.thermo.csv`, too, when the run ends. Later: `mdcore convert run.h5md log.csv`.",
        default=False,
        example=True,
    )
    trajectory_every: int = setting(
        Integer(minimum=0),
        "Steps between frames of the H5MD trajectory, `<name>.h5md`.",
        default=0,
        example=20,
    )
    trajectory_fields: tuple[str, ...] = setting(
        List(Choice(("position", "velocity", "force"))),
        "What a frame of the trajectory holds.",
        default=("position", "velocity", "force"),
        example=["position"],
    )
    trajectory_atoms: tuple[str, ...] | None = setting(
        List(Text()),
        "Species and groups whose atoms are in the trajectory. What follows from all atoms, such as the motion of the "
        "whole, can't be computed of it.",
        default=None,
        default_text="all atoms",
        example=["O"],
    )
    compression: bool = setting(
        Boolean(),
        "Compress the trajectory (gzip): smaller, and slower to write.",
        default=False,
        example=True,
    )
    dump_every: int = setting(
        Integer(minimum=0),
        "Steps between frames of the extxyz dump, `<name>.extxyz`.",
        default=0,
        example=1000,
    )
    dump_fields: tuple[str, ...] = setting(
        List(Choice(DUMP_FIELDS)),
        "What a frame of the dump has beside species and positions: `velocity` (with masses), `force`, `energy` (with "
        "stress), `columns` (those of the structure, and what the potential finds).",
        default=DUMP_FIELDS,
        example=["force"],
    )
    dump_atoms: tuple[str, ...] | None = setting(
        List(Text()),
        "Species and groups whose atoms are in the dump. Energy and stress, which are those of all atoms, are left out "
        "then.",
        default=None,
        default_text="all atoms",
        example=["O"],
    )
    checkpoint_every: int = setting(
        Integer(minimum=0), "Steps between checkpoints, `<name>.checkpoint`.", default=0, example=10000
    )
    checkpoint_minutes: float | None = setting(
        Number(minimum=0),
        "Minutes between checkpoints; 0 switches it off. If nothing is said of checkpoints, runs that last longer than "
        "10 minutes have them: shorter ones leave none.",
        default=None,
        default_text="10, or 0 with `checkpoint_every`",
        example=30.0,
    )
    progress: str = setting(
        Choice(("auto", "bar", "lines", "off")),
        'Progress with the time left: `"auto"` is a bar on a terminal and sparse lines in a batch log.',
        default="auto",
        example="lines",
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        yield from check_name(self.name)


@dataclass(frozen=True, kw_only=True)
class ReferenceSettings:
    """Known results, printed and drawn beside those of the run."""

    rdf: str | None = setting(
        Text(),
        "Text file with radial distribution functions, relative to the input file: a line `r,O-O,O-H,H-H` that names "
        "the columns, then numbers. With one species, `r,Ar-Ar`.",
        default=None,
        default_text="none",
        example="water_rdf.csv",
    )
    rdf_peak: float | None = setting(
        Number(above=0),
        "Position of the first peak of the radial distribution function.",
        default=None,
        default_text="none",
        quantity="length",
        example=3.7,
    )
    diffusion: float | None = setting(
        Number(above=0),
        "Self-diffusion coefficient, in cm2/s (lj: sigma^2/tau).",
        default=None,
        default_text="none",
        example=2.43e-5,
    )
    temperature: float | None = setting(
        Number(above=0),
        "Temperature at which they were found. A run at another one (by more than 2 % and what its fluctuations "
        "explain; of a thermostat by 1 %) is not compared with them.",
        default=None,
        default_text="any",
        quantity="temperature",
        example=94.4,
    )
    density: float | None = setting(
        Number(above=0),
        "Density at which they were found. A run at another one (by more than 1 %) is not compared with them.",
        default=None,
        default_text="any",
        quantity="density",
        example=1.374,
    )
    label: str = setting(
        Text(), "Where they come from.", default="", default_text="none", example="Rahman (1964)"
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if self.rdf is None and self.rdf_peak is None and self.diffusion is None:
            yield "label", "nothing to compare with; give rdf, rdf_peak or diffusion, or drop [analysis.reference]"


@dataclass(frozen=True, kw_only=True)
class AnalysisSettings:
    """Computed from the trajectory when the run ends; printed, written to `<name>.analysis.json`, plotted."""

    stage: str | None = setting(
        Text(), "Name of the stage to analyse.", default=None, default_text="the last", example="produce"
    )
    rdf: bool = setting(Boolean(), "Radial distribution function.", default=True, example=True)
    rdf_max: float | None = setting(
        Number(above=0),
        "Largest distance of the radial distribution function.",
        default=None,
        default_text="10.0 (lj: 4.0)",
        quantity="length",
        example=10.0,
    )
    rdf_bins: int = setting(
        Integer(2, 1_000_000), "Bins of the radial distribution function.", default=200, example=200
    )
    diffusion: bool = setting(
        Boolean(), "Self-diffusion coefficient from the mean square displacement.", default=True, example=True
    )
    vibrations: bool = setting(
        Boolean(),
        "Velocity autocorrelation and vibrational spectrum; of a trajectory with velocities, with several frames in "
        "the shortest period.",
        default=False,
        example=True,
    )
    viscosity: bool = setting(
        Boolean(),
        "Viscosity from the fluctuations of the stress in the thermo log (Green-Kubo): a row every few steps, long "
        "runs.",
        default=False,
        example=True,
    )
    conductivity: bool = setting(
        Boolean(),
        'Thermal conductivity from the `heat_current` in the thermo log (`thermo_columns`); likewise.',
        default=False,
        example=True,
    )
    dielectric: bool = setting(
        Boolean(),
        "Static dielectric constant from the fluctuations of the dipole moment in the thermo log, which a "
        '`[[potential]]` with `type = "tensors"` puts there: long runs of periodic systems.',
        default=False,
        example=True,
    )
    infrared: bool = setting(
        Boolean(),
        "Infrared spectrum from the dipole moments in the thermo log: a row every few fs (`thermo_every`).",
        default=False,
        example=True,
    )
    raman: bool = setting(
        Boolean(), "Raman spectra from the polarizabilities in the thermo log; likewise.", default=False, example=True
    )
    plot: bool = setting(
        Boolean(), "Draw the results, `<name>.analysis.png` (needs Matplotlib).", default=True, example=False
    )
    reference: ReferenceSettings | None = setting(
        Section(ReferenceSettings), "Known results to compare with.", default=None
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        asked = (self.rdf, self.diffusion, self.vibrations, self.viscosity, self.conductivity, self.dielectric)
        if not any((*asked, self.infrared, self.raman)):
            yield "rdf", "nothing to analyse; set rdf or diffusion to true, or drop [analysis]"
        for key in ("rdf_max", "rdf_bins"):
            if key in given and not self.rdf:
                yield key, "applies with rdf = true only"
