"""One run through all ensembles, a stage each: for tests of what must hold in every one of them."""

from tests.mpi import ROOT

STAGES = {
    "nve": 'ensemble = "nve"',
    "langevin": 'ensemble = "langevin"\ntemperature = [{t}, {warm}]\nfriction = 0.01',
    "langevin, groups": (
        'ensemble = "langevin"\ngroup = "odd"\ntemperature = {t}\nfriction = 0.02\n'
        'bath = [{{ group = "even", temperature = {warm}, friction = 0.01 }}]'
    ),
    "velocity rescaling": 'ensemble = "nvt"\ntemperature = [{warm}, {t}]\nrelaxation = 20.0',
    "velocity rescaling, groups": (
        'ensemble = "nvt"\ngroup = "odd"\ntemperature = {t}\nrelaxation = 20.0\n'
        'bath = [{{ group = "even", temperature = {warm}, relaxation = 30.0 }}]'
    ),
    "nose-hoover": 'ensemble = "nvt"\nthermostat = "nose-hoover"\nchain = 4\ntemperature = {t}\nrelaxation = 50.0',
    "andersen": 'ensemble = "nvt"\nthermostat = "andersen"\ntemperature = {t}\nrelaxation = 50.0',
    "berendsen": 'ensemble = "nvt"\nthermostat = "berendsen"\ntemperature = {t}\nrelaxation = 50.0',
    "strain": (
        'ensemble = "nvt"\ntemperature = {t}\nrelaxation = 50.0\nstrain_rate = [1e-5, 0.0, 0.0, 0.0, 1e-5, 2e-5]'
    ),
    "cell rescaling": (
        'ensemble = "npt"\ntemperature = {t}\nrelaxation = 50.0\npressure = [0.0, 0.1]\ncompressibility = {soft}\n'
        "pressure_relaxation = 500.0\npressure_every = 4"
    ),
    "cell rescaling, semi-isotropic": (
        'ensemble = "npt"\nthermostat = "langevin"\ntemperature = {t}\nrelaxation = 50.0\npressure = 0.1\n'
        'compressibility = {soft}\npressure_relaxation = 500.0\npressure_every = 1\ncoupling = "semi-isotropic"'
    ),
    "cell rescaling, anisotropic": (
        'ensemble = "npt"\nthermostat = "nose-hoover"\ntemperature = {t}\nrelaxation = 50.0\npressure = 0.1\n'
        'compressibility = {soft}\npressure_relaxation = 500.0\npressure_every = 3\ncoupling = "anisotropic"'
    ),
    "cell rescaling, flexible": (
        'ensemble = "npt"\nthermostat = "andersen"\ntemperature = {t}\nrelaxation = 50.0\n'
        "stress = [0.05, -0.05, -0.05, 0.0, 0.02, 0.01]\ncompressibility = {soft}\npressure_relaxation = 500.0\n"
        'pressure_every = 3\ncoupling = "flexible"'
    ),
    "mtk": (
        'ensemble = "npt"\nthermostat = "nose-hoover"\nbarostat = "mtk"\ntemperature = {t}\nrelaxation = 50.0\n'
        "pressure = 0.1\npressure_relaxation = 500.0\npressure_every = 3"
    ),
    "mtk, flexible": (
        'ensemble = "npt"\nbarostat = "mtk"\ntemperature = {t}\nrelaxation = 50.0\nchain = 2\n'
        "stress = [0.05, -0.05, -0.05, 0.0, 0.02, 0.01]\npressure_relaxation = 500.0\npressure_every = 3\n"
        'coupling = "flexible"'
    ),
    "fire": 'ensemble = "minimise"\nmethod = "fire"\nmax_force = 1e-9',
    "lbfgs": 'ensemble = "minimise"\nmethod = "lbfgs"\ncell = "flexible"\nmax_force = 1e-9',
}  # name: what the stage says; t, warm : temperatures; soft : compressibility

ARGON = """\
[structure]
build = "fcc"
species = "Ar"
lattice_constant = 5.4
replicate = [4, 4, 4]
[velocities]
temperature = 90.0
[potential]
type = "lj"
cutoff = 7.0
truncation = "shifted"
species.Ar = { epsilon = 0.0104, sigma = 3.4 }
"""
SILICON = f"""\
[structure]
build = "diamond"
species = "Si"
lattice_constant = 5.43
replicate = [2, 2, 2]
[velocities]
temperature = 600.0
[potential]
type = "hdnnp"
file = "{ROOT}/potentials/silicon.h5"
"""
GROUPS = """\
[[group]]
name = "odd"
where = "index % 2 == 1"
[[group]]
name = "even"
where = "index % 2 == 0 and index > 5"
"""
OUTPUT = """\
[output]
thermo_every = 1
trajectory_every = {often}
dump_every = {steps}
checkpoint_every = {often}
"""


def text(system: str, steps: int, stages=tuple(STAGES), often: int | None = None) -> str:
    """An input: ARGON or SILICON, so many steps in each stage; often : steps between two frames and checkpoints."""
    liquid = system is ARGON
    told = {"t": 90.0, "warm": 110.0, "soft": 0.5} if liquid else {"t": 600.0, "warm": 700.0, "soft": 0.01}
    parts = [f"seed = 4\n{system}{GROUPS}"]
    for name in stages:
        own = STAGES[name].format(**told)
        timestep = "" if "minimise" in own else f"timestep = {4.0 if liquid else 1.0}\n"
        parts.append(f"[[stage]]\n{own}\n{timestep}steps = {steps}\n")
    return "".join(parts) + OUTPUT.format(steps=steps, often=often or steps)
