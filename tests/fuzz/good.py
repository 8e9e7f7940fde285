"""Which good inputs are broken?  A folder for each kind of work, made by mdcore itself, small enough for many tries."""

import contextlib
import io
import os
import shutil
from pathlib import Path

import h5py
import numpy as np

from tests import threebody_files
from tests.fuzz.kinds import reseal

RUN = """\
title = "a mixture"
units = "metal"
seed = 1

[structure]
file = "start.extxyz"
replicate = [1, 1, 1]
masses = { Kr = 83.8 }

[velocities]
temperature = 94.4
zero_momentum = true

[[potential]]
type = "lj"
cutoff = 5.0
truncation = "shifted"
mixing = "lorentz-berthelot"

[potential.species.Ar]
epsilon = 0.0104
sigma = 3.40

[potential.species.Kr]
epsilon = 0.0141
sigma = 3.6

[[potential]]
type = "zbl"
inner = 1.0
cutoff = 2.0

[[stage]]
name = "equilibrate"
ensemble = "langevin"
timestep = 2.0
steps = 4
temperature = [94.4, 100.0]
friction = 0.001

[[stage]]
name = "produce"
ensemble = "nve"
timestep = 4.0
steps = 6

[output]
name = "run"
thermo_every = 2
trajectory_every = 2
trajectory_fields = ["position", "velocity", "force"]
dump_every = 5
checkpoint_every = 4
compression = true

[limits]
max_temperature = 5000.0

[parallel]
grid = [1, 1, 1]
threads = 1

[analysis]
stage = "produce"
rdf_max = 4.0
rdf_bins = 20
plot = false

[analysis.reference]
rdf = "rdf.csv"
diffusion = 2.43e-5
label = "nobody"
"""

NETWORK = """\
[structure]
file = "labelled.extxyz"
frame = 0

[velocities]
temperature = 10.0

[[potential]]
type = "hdnnp"
file = "net.h5"

[[stage]]
ensemble = "nve"
timestep = 0.1
steps = 2

[output]
thermo_every = 1
"""

TRAIN = """\
title = "nothing"
seed = 3
card = { licence = "none" }

[[data]]
file = "labelled.extxyz"
use = "split"
weight = 2.0
energy = "energy"
forces = "forces"

[split]
validation = 0.2
test = 0.2
validation_tags = ["hot"]

[descriptors]
cutoff = 3.0
radial = 3
angular = 1
zetas = [1, 4]
keep = 5

[network]
hidden = [3, 3]

[loss]
energy = 1.0
forces = 1.0
tags = { hot = 2.0 }

[[optimizer]]
type = "kalman"
epochs = 1

[[optimizer]]
type = "adam"
epochs = 1
batch = 4

[[optimizer]]
type = "lbfgs"
epochs = 1

[output]
name = "net"
plot = false
n2p2 = true
"""
OTHER_DATA = 'file = "labelled.extxyz"\nuse = "split"\nweight = 2.0\nenergy = "energy"\nforces = "forces"\n'

LAMMPS = """\
LAMMPS data file

4 atoms
2 atom types

0.0 9.0 xlo xhi
0.0 9.0 ylo yhi
-1.0 8.0 zlo zhi
0.5 0.0 0.0 xy xz yz

Masses

1 39.948  # Ar
2 83.798  # Kr

Atoms  # charge

1 1 0.0 0.1 0.2 0.3 0 0 0
2 1 0.0 4.1 0.2 0.3 0 0 1
4 2 0.5 0.1 4.2 0.3 0 0 0
3 2 -0.5 4.1 4.2 4.3 0 0 0

Velocities

1 0.001 0.0 0.0
2 0.0 0.0 0.001
3 0.0 0.0 0.0
4 0.0 -0.001 0.0
"""

POSCAR = """\
argon
1.0
9.0 0.0 0.0
0.5 9.0 0.0
0.0 0.0 9.0
Ar Kr
2 2
Direct
0.0 0.0 0.0
0.5 0.0 0.0
0.0 0.5 0.0
0.5 0.5 0.5
"""


def by_pair(kind: str, *parameters: str) -> str:
    """A [[potential]] with the same parameters for each pair."""
    head = f'[[potential]]\ntype = "{kind}"\ncutoff = 5.0\n'
    names = ('"Ar", "Ar"', '"Ar", "Kr"', '"Kr", "Kr"')
    return head + "".join("\n".join(["[[potential.pair]]", f"species = [{two}]", *parameters, ""]) for two in names)


PAIRS = "".join(
    [
        by_pair("morse", "depth = 0.01", "alpha = 1.4", "r0 = 3.8"),
        by_pair("buckingham", "a = 5000.0", "rho = 0.3", "c = 60.0"),
        by_pair("soft-core", "epsilon = 0.01", "sigma = 3.4", "cutoff = 4.5"),
        by_pair("table", 'file = "u.table"', 'keyword = "U"'),
        '[[potential]]\ntype = "coulomb"\ncutoff = 5.0\ncharges = { Ar = 0.1, Kr = -0.1 }\n',
    ]
)


def make(root: Path) -> None:
    """Write the folders run, restart, network, training and retraining below `root`."""
    for build in (run, restart, network, training, retraining):
        (root / build.__name__).mkdir(parents=True)
        with contextlib.chdir(root / build.__name__), contextlib.redirect_stdout(io.StringIO()):
            build()


def run() -> None:
    Path("run.toml").write_text(RUN)
    rng = np.random.default_rng(1)
    lines = ["8", 'Lattice="9 0 0 0.5 9 0 0 0 9" Origin="0 0 0" Properties=id:I:1:species:S:1:pos:R:3:vel:R:3'
             ':masses:R:1:charge:R:1:forces:R:3 pbc="T T T" energy=-1.5 stress="1 0 0 0 1 0 0 0 1"']  # fmt: skip
    for k in range(8):
        x = 4.5 * np.array([k & 1, k >> 1 & 1, k >> 2]) + rng.uniform(0, 0.3, 3)
        row = [k + 1, ("Ar", "Kr")[k % 2], *x, *rng.normal(size=3) * 1e-3, 40.0, 0.0, *rng.normal(size=3)]
        lines.append(" ".join(map(str, row)))
    text = "\n".join(lines) + "\n"
    Path("start.extxyz").write_text(text * 2)
    Path("plain.toml").write_text(RUN[: RUN.index("[analysis]")].replace("momentum = true", "momentum = false"))
    Path("plain.xyz").write_text("3\nfrom a book\nAr 0 0 0\nAr 3.8 0 0\nKr 0 4 1e0 ignored\n")
    lj, stages = RUN.index("[[potential]]"), RUN.index("[[stage]]")
    Path("pairs.toml").write_text(RUN[:lj] + PAIRS + RUN[stages : RUN.index("[analysis]")])
    table = "".join(f"{k} {k / 2} {(12 - k) / 200} 0\n" for k in range(1, 13))
    Path("u.table").write_text(f"# a table\n\nU\nN 12\n\n{table}\nOTHER\nN 4\n\n1 1 1 0\n2 2 1 0\n3 3 1 0\n4 4 1 0\n")
    bodies = {"sw": threebody_files.SW, "tersoff": threebody_files.TERSOFF}
    for name, entries in bodies.items():
        Path(f"ArKr.{name}").write_text(threebody_files.text(entries).replace("Si", "Ar").replace("C ", "Kr "))
    threebody = [f'[[potential]]\ntype = "{type}"\nfile = "ArKr.{name}"\n' for type, name in
                 (("stillinger-weber", "sw"), ("tersoff", "tersoff"))]  # fmt: skip
    Path("threebody.toml").write_text(RUN[:lj] + "".join(threebody) + RUN[stages : RUN.index("[analysis]")])
    rows = [f"{r / 4},{r / 20},1.0" for r in range(1, 21)]
    Path("rdf.csv").write_text("\n".join(["# by nobody", "r,Ar-Ar,Ar-Kr", *rows, ""]))
    Path("start.data").write_text(LAMMPS)
    Path("POSCAR").write_text(POSCAR)


def restart() -> None:
    """A run that was stopped in its second stage."""
    run()
    command("run", "run.toml", "--quiet", "--set", "stage.1.steps=4")


def network() -> None:
    from mdcore.potentials.families import committee
    from mdcore.potentials.networks.h5 import write_h5
    from mdcore.potentials.networks.n2p2.write import write_n2p2
    from tests.density_twin import random_network
    from tests.reference.hdnnp_models import random_model

    model = random_model(normalisation=False, types=(2, 3, 9), hidden=(3,), activations="tl")
    write_n2p2(model, "folder-n2p2")
    command("convert", "folder-n2p2", "net.h5", "--units", "length=angstrom,energy=ev")
    shutil.rmtree("folder-n2p2")
    small = random_model(types=(2, 3), hidden=(2,), activations="tl")
    write_n2p2(small, "n2p2")
    write_h5(small, "bare.h5")
    write_h5(committee([random_network(cutoff=3.0, radial=2, layers=2, seed=k) for k in (1, 2)]), "plain.h5")
    command("convert", "plain.h5", "density.h5")
    Path("network.toml").write_text(NETWORK)
    labelled()


def labelled() -> None:
    """The same structures as extended xyz, input.data and a DeePMD folder."""
    from tests.reference.hdnnp_models import random_cluster

    rng = np.random.default_rng(2)
    symbols, cell = "OHHOHH", 4.0 * np.eye(3)
    xyz, n2p2, coords, forces, energies = [], [], [], [], []
    for k in range(12):
        x, f, e = random_cluster(symbols, k), rng.normal(size=(6, 3)), rng.normal()
        coords, forces, energies = [*coords, x.ravel()], [*forces, f.ravel()], [*energies, e]
        xyz += ["6", f'Lattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3:forces:R:3 energy={e:.6f} '
                f'virial="1 0 0 0 1 0 0 0 1" config_type={("hot", "cold")[k % 3 > 0]} pbc="T T T"']  # fmt: skip
        xyz += [" ".join([s, *(f"{v:.5f}" for v in (*a, *b))]) for s, a, b in zip(symbols, x, f, strict=True)]
        n2p2 += ["begin", f"comment tag={k % 2}", *(f"lattice {' '.join(map(str, row))}" for row in cell)]
        for s, a, b in zip(symbols, x, f, strict=True):
            n2p2.append("atom {:.5f} {:.5f} {:.5f} {} 0.0 0.0 {:.5f} {:.5f} {:.5f}".format(*a, s, *b))
        n2p2 += [f"energy {e:.6f}", "charge 0.0", "end"]
    Path("labelled.extxyz").write_text("\n".join(xyz) + "\n")
    Path("input.data").write_text("\n".join(n2p2) + "\n")
    part = Path("deepmd/water/set.000")
    part.mkdir(parents=True)
    Path("deepmd/water/type.raw").write_text("0 1 1 0 1 1\n")
    Path("deepmd/water/type_map.raw").write_text("O\nH\n")
    np.save(part / "coord.npy", np.array(coords))
    np.save(part / "force.npy", np.array(forces))
    np.save(part / "energy.npy", np.array(energies))
    np.save(part / "box.npy", np.tile(cell.ravel(), (12, 1)))
    np.save(part / "virial.npy", np.tile(np.eye(3).ravel(), (12, 1)))


def training() -> None:
    """Settings and data of trainings."""
    labelled()
    Path("train.toml").write_text(TRAIN)
    units = 'units = { length = "angstrom", energy = "ev" }\n'
    untagged = TRAIN.replace('validation_tags = ["hot"]\n', "").replace("tags = { hot = 2.0 }\n", "")
    Path("train_n2p2.toml").write_text(untagged.replace(OTHER_DATA, f'file = "input.data"\n{units}'))
    Path("train_deepmd.toml").write_text(untagged.replace(OTHER_DATA, 'file = "deepmd"\n'))


def retraining() -> None:
    """A training that was stopped."""
    training()
    command("train", "train.toml", "--quiet")
    os.rename("net.training.h5", "kept.h5")
    for path in Path().glob("net*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    os.rename("kept.h5", "net.training.h5")
    with h5py.File("net.training.h5", "r+") as file:  # as if stopped before the last epoch
        for member in (file[name] for name in file if name.startswith("member")):
            member.pop("predictions", None)
    reseal(Path("net.training.h5"))


def command(*arguments) -> None:
    from mdcore.cli import main

    if code := main(list(arguments)):
        raise RuntimeError(f"mdcore {' '.join(arguments)}: exit code {code}: the good inputs can't be made")
