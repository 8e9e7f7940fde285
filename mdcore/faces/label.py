"""[label]: how calculations go out, and what is looked at when they come back."""

from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.schema import Choice, Integer, Number, Text, setting
from mdcore.learn.executors import KINDS


@dataclass(frozen=True, kw_only=True)
class LabelSettings:
    """How structures are labelled."""

    workers: int | None = setting(
        Integer(minimum=1, maximum=10**5),
        "Calculations at a time. It changes no result.",
        default=None,
        default_text="one for each core, or rank",
        example=8,
    )
    minutes: float = setting(
        Number(above=0), "Longest time of a calculation (minutes); then it is killed.", default=60.0, example=240.0
    )
    retries: int = setting(
        Integer(minimum=0, maximum=100),
        "Further tries for a calculation that failed or was killed; one that did not converge is not repeated.",
        default=1,
        example=0,
    )
    executor: str = setting(
        Choice(KINDS),
        'Where calculations run: `"processes"` of this machine; `"mpi"`, the other ranks of `mpiexec -n N python -m '
        'mpi4py.futures -m mdcore learn ...`; `"dask"` or `"parsl"`, a cluster that these know.',
        default="processes",
        example="dask",
    )
    cluster: str | None = setting(
        Text(),
        'With `"dask"` the address of its scheduler (without one, this machine); with `"parsl"` a Python file, '
        'relative to '
        "the input file, whose `config` is a `parsl.Config`.",
        default=None,
        default_text="none",
        example="tcp://node1:8786",
    )
    threads: int = setting(
        Integer(minimum=1, maximum=512),
        "Threads of each calculation's libraries, where `OMP_NUM_THREADS` does not say; another number may change last "
        "digits.",
        default=1,
        example=4,
    )
    net_force: float = setting(
        Number(minimum=0),
        "Labels whose forces add up to more than this (eV/Angstrom an atom) are refused; 0: not looked at, for "
        "calculations in an external field.",
        default=0.02,
        example=0.005,
    )
    outliers: float = setting(
        Number(minimum=0),
        "Labels are refused whose energy an atom or whose largest force is so many times as far out as in the labelled "
        "structures; never within 1 eV an atom and 30 eV/Angstrom. Energies are compared with ten structures at least. "
        "0: not looked at.",
        default=20.0,
        example=50.0,
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if self.cluster is not None and self.executor not in ("dask", "parsl"):
            yield "cluster", 'applies with executor = "dask" or "parsl" only'
        if self.executor == "parsl" and self.cluster is None:
            yield "cluster", 'required with executor = "parsl": a Python file whose `config` is a parsl.Config'

    def build(self, whole):
        """The settings as `label` takes them (learn/labelling.py)."""
        from mdcore.learn.labelling import Labelling

        own = dict(vars(self))
        if self.executor == "parsl":
            own["cluster"] = whole.beside(self.cluster)
        return Labelling(**own)
