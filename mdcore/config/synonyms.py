"""What do other programs call it? Words of LAMMPS, GROMACS, OpenMM, ASE, n2p2 and others, and what they are here.

Only hints are made of these tables: an input that uses such a word is refused, with our word.
"""

# word -> our keys of that meaning; the one that fits the section is told
KEYS: dict[str, tuple[str, ...]] = {
    "walls": ("zbl",),
    # dynamics
    "dt": ("timestep",),
    "time_step": ("timestep",),
    "delta_t": ("timestep",),
    "step_size": ("timestep",),
    "run": ("steps", "stage"),
    "nsteps": ("steps",),
    "n_steps": ("steps",),
    "num_steps": ("steps",),
    "nstep": ("steps",),
    "iterations": ("steps",),
    "temp": ("temperature",),
    "temperature_k": ("temperature",),
    "t": ("temperature",),
    "tebeg": ("temperature",),
    "ref_t": ("temperature",),
    "gamma": ("friction",),
    "gamma_ln": ("friction",),
    "langevin_gamma": ("friction",),
    "friction_coefficient": ("friction",),
    "frictioncoeff": ("friction",),
    "tau": ("relaxation", "friction"),
    "tau_t": ("relaxation", "friction"),
    "tdamp": ("relaxation", "friction"),
    "damp": ("friction",),
    "damping": ("friction", "alpha"),
    "relaxation_time": ("relaxation", "friction"),
    "barostat": ("ensemble",),
    "pcouple": ("ensemble",),
    "ref_p": ("pressure",),
    "externalstress": ("pressure",),
    "pdamp": ("pressure_relaxation",),
    "tau_p": ("pressure_relaxation",),
    "taup": ("pressure_relaxation",),
    "compressibility_au": ("compressibility",),
    "nstpcouple": ("pressure_every",),
    "erate": ("strain_rate",),
    "deform": ("strain_rate",),
    "fix_deform": ("strain_rate",),
    "taut": ("relaxation", "friction"),
    "thermostat": ("ensemble",),
    "integrator": ("ensemble", "stage"),
    "dynamics": ("ensemble", "stage"),
    "fix": ("ensemble", "stage"),
    "md": ("stage",),
    "simulation": ("stage",),
    "stages": ("stage",),
    "equilibration": ("stage",),
    "production": ("stage",),
    "random_seed": ("seed",),
    "rng_seed": ("seed",),
    "ld_seed": ("seed",),
    # structure
    "system": ("structure",),
    "geometry": ("structure",),
    "atoms": ("structure",),
    "box": ("structure",),
    "cell": ("structure",),
    "coordinates": ("structure", "file"),
    "positions": ("structure", "file"),
    "read_data": ("structure", "file"),
    "xyz": ("file",),
    "path": ("file",),
    "filename": ("file",),
    "datafile": ("file",),
    "lattice": ("build",),
    "crystal": ("build",),
    "crystalstructure": ("build",),
    "a": ("lattice_constant",),
    "alat": ("lattice_constant",),
    "latticeconstant": ("lattice_constant",),
    "supercell": ("replicate",),
    "repeat": ("replicate",),
    "size": ("replicate",),
    "pbc": ("periodic",),
    "boundary": ("periodic",),
    "element": ("species",),
    "elements": ("species",),
    "symbol": ("species",),
    "symbols": ("species",),
    "mass": ("masses",),
    "rho": ("density",),
    "velocity": ("velocities",),
    "gen_temp": ("temperature",),
    # potential
    "pair_style": ("type", "potential"),
    "pair_coeff": ("potential", "pair"),
    "style": ("type",),
    "kind": ("type",),
    "model": ("potential", "file"),
    "potentials": ("potential",),
    "calculator": ("potential",),
    "forcefield": ("potential",),
    "force_field": ("potential",),
    "interaction": ("potential",),
    "rc": ("cutoff",),
    "rcut": ("cutoff",),
    "r_cut": ("cutoff",),
    "r_max": ("cutoff", "rdf_max"),
    "rvdw": ("cutoff",),
    "cutoff_radius": ("cutoff",),
    "eps": ("epsilon",),
    "sig": ("sigma",),
    "d0": ("depth",),
    "de": ("depth",),
    "well_depth": ("depth",),
    "r_0": ("r0",),
    "re": ("r0",),
    "r_e": ("r0",),
    "req": ("r0",),
    "c6": ("c",),
    "xc": ("functional",),
    "method": ("functional",),
    "alp": ("alpha6",),
    "rs6": ("sr6",),
    "rs8": ("sr8",),
    "cutoff_cn": ("cn_cutoff",),
    "abc": ("s9",),
    "atm": ("s9",),
    "charge": ("charges",),
    "q": ("charges",),
    "lambda": ("coupling",),
    "nlambda": ("n",),
    "section": ("keyword",),
    "pair_table": ("file",),
    "shift": ("truncation",),
    "pair_modify": ("truncation", "mixing"),
    "tail": ("tail_corrections",),
    "neighbor": ("neighbors",),
    "neighbour": ("neighbors",),
    "neighbours": ("neighbors",),
    "buffer": ("skin",),
    "processors": ("grid", "parallel"),
    "nthreads": ("threads",),
    "num_threads": ("threads",),
    "omp": ("threads",),
    "omp_num_threads": ("threads",),
    # output
    "thermo": ("thermo_every",),
    "nstenergy": ("thermo_every",),
    "nstlog": ("thermo_every",),
    "log_every": ("thermo_every",),
    "loginterval": ("thermo_every",),
    "log": ("thermo_every", "output"),
    "logging": ("output",),
    "dump": ("dump_every",),
    "trajectory": ("trajectory_every",),
    "traj": ("trajectory_every",),
    "nstxout": ("trajectory_every",),
    "nstxtcout": ("trajectory_every",),
    "dump_interval": ("dump_every",),
    "restart": ("checkpoint_every",),
    "restart_every": ("checkpoint_every",),
    "checkpoint": ("checkpoint_every",),
    "outdir": ("directory",),
    "output_dir": ("directory",),
    "output_directory": ("directory",),
    "folder": ("directory",),
    "prefix": ("name",),
    "rmax": ("rdf_max",),
    "nbins": ("rdf_bins",),
    "bins": ("rdf_bins",),
    "gr": ("rdf",),
    "msd": ("diffusion",),
    "compute": ("analysis",),
    # training
    "batch_size": ("batch",),
    "batchsize": ("batch",),
    "lr": ("step",),
    "learning_rate": ("step",),
    "layers": ("hidden",),
    "nodes": ("hidden",),
    "hidden_layers": ("hidden",),
    "n_epochs": ("epochs",),
    "max_epochs": ("epochs",),
    "dataset": ("data",),
    "training_data": ("data",),
    "train_data": ("data",),
    "symmetry_functions": ("descriptors",),
    "symfunction": ("descriptors",),
    "fingerprints": ("descriptors",),
    "features": ("descriptors",),
    "neural_network": ("network",),
    "nn": ("network",),
    "optimiser": ("optimizer",),
    "val_fraction": ("validation",),
    "test_fraction": ("validation",),
    "early_stopping": ("patience",),
    "loss_weights": ("loss",),
    "weight_decay": ("decay", "l2"),
    "labels": ("data",),
    "ensemble_size": ("members",),
    "n_models": ("members",),
}
REMARKS = {"friction": ", the inverse of the relaxation time"}

LATTICE = 'charges with all their images are a [[potential]] of type = "electrostatics" (accuracy, cutoff)'
MINIMISE = 'to relax a structure is a [[stage]] of ensemble = "minimise", or mdcore relax'
# words for what is not there -> a sentence
MISSING = {
    "minimize": MINIMISE,
    "minimise": MINIMISE,
    "minimization": MINIMISE,
    "relax": MINIMISE,
    "constraints": "mdcore has no constraints: choose a timestep short enough for the fastest bond",
    "shake": "mdcore has no constraints: choose a timestep short enough for the fastest bond",
    "kspace_style": LATTICE,
    "coulombtype": LATTICE,
    "fourierspacing": LATTICE,
    "bond_style": "mdcore has no bonded terms",
    "angle_style": "mdcore has no bonded terms",
    "fix": "groups are [[group]]; walls, forces, restraints a [[potential]]; thermostats an ensemble (docs/groups.md)",
    "setforce": "hold atoms with fixed in a [[group]], e.g. fixed = 'xyz'",
    "freeze": "hold atoms with fixed in a [[group]], e.g. fixed = 'xyz'",
    "frozen": "hold atoms with fixed in a [[group]], e.g. fixed = 'xyz'",
    "region": "a region is a condition of a [[group]], e.g. where = 'z < 5' (docs/groups.md)",
}

LANGEVIN = 'friction and noise are ensemble = "langevin", with temperature and friction'
RESCALING = (
    'constant temperature is ensemble = "nvt" (temperature, relaxation; thermostat = "nose-hoover", "andersen", '
    '"berendsen", ...) or "langevin" (temperature, friction)'
)
PRESSURE = (
    'constant pressure is ensemble = "npt", with temperature, relaxation, pressure, pressure_relaxation and '
    'compressibility; barostat = "mtk" is that of Martyna, Tobias and Klein, coupling = "flexible" moves it all'
)
NO_SUCH = "mdcore has no such potential; a network can be trained to stand for it (mdcore train)"
# key -> words, and what to write instead
VALUES: dict[str, tuple[tuple[str, str], ...]] = {
    "ensemble": (
        (
            "bussi csvr nvt-csvr nvt-bussi v-rescale vrescale velocity-rescaling nose-hoover nosehoover nose nvt-nh "
            "nhc berendsen nvt-berendsen nvtberendsen andersen thermostat canonical temp/berendsen temp/csvr "
            "temp/rescale",
            RESCALING,
        ),
        ("nvt-langevin baoab langevin-baoab langevinmiddle brownian ld sd bd gjf gle", LANGEVIN),
        (
            "nph npt-langevin npt-nh nptberendsen parrinello-rahman c-rescale mtk mttk nst npz isobaric "
            "isothermal-isobaric barostat",
            PRESSURE,
        ),
        (
            "microcanonical verlet velocity-verlet velocityverlet leap-frog leapfrog newton md",
            'constant energy is ensemble = "nve"',
        ),
        ("minimize minimization min relax bfgs lbfgs fire cg steep steepest-descent", MINIMISE),
    ),
    "type": (
        ("lennard-jones lennardjones lj/cut lj/cut/opt 12-6 lj12-6 lj126 argon", 'Lennard-Jones is type = "lj"'),
        (
            "nnp bpnn bpnnp behler behler-parrinello n2p2 runner network nn neural neural-network ml mlp mlip h5 "
            "committee",
            'a network potential is type = "hdnnp", or "density" if it was trained so; mdcore info tells which',
        ),
        (
            "mace ace pace nequip allegro message-passing messages equivariant gnn densities density-network",
            'networks of densities with messages are type = "density", trained by mdcore train; files of other '
            "programs are not read",
        ),
        ("universal repulsion wall ziegler", 'the repulsion of nuclei is type = "zbl"'),
        (
            "meam reaxff deepmd gap quip snap schnet chgnet harmonic tip3p tip4p spc airebo amber charmm opls emt "
            "gupta",
            NO_SUCH,
        ),
        ("eam/alloy eam/fs eam/opt eam/alloy/opt setfl finnis-sinclair", 'the embedded-atom method is type = "eam"'),
        ("sw sw/omp stillinger stillingerweber", 'Stillinger-Weber is type = "stillinger-weber"'),
        ("tersoff/omp bond-order", 'Tersoff\'s bond order is type = "tersoff"'),
        ("morse/smooth/linear morse/opt", 'Morse is type = "morse"'),
        ("buck exp-6 exp6 born-mayer", 'Buckingham, also without its attraction, is type = "buckingham"'),
        (
            "buck/coul/cut buck/coul/long buck/coul/msm",
            'two [[potential]] add up: one of type = "buckingham", one of type = "electrostatics", or "coulomb"',
        ),
        (
            "born born/coul/long born/coul/dsf born/coul/wolf bmh bmhtf tosi-fumi fumi-tosi yukawa mie lj/mdf lj9-6 "
            "lj/gromacs lj96/cut wca dpd gauss",
            'any function of the distance can be a type = "table"; charges are a [[potential]] of their own, '
            'type = "coulomb"',
        ),
        (
            "lj/cut/coul/cut lj/cut/coul/long lj/cut/coul/dsf lj/cut/coul/wolf",
            'two [[potential]] add up: one of type = "lj", one of type = "electrostatics", or "coulomb" with a cutoff',
        ),
        (
            "coul/dsf coul/wolf coul/cut coul/shift wolf dsf",
            'charges with a cutoff are type = "coulomb"',
        ),
        ("coul/long ewald pppm pme spme electrostatic charges charge long-range", LATTICE),
        (
            "dispersion/d3 dftd3 dft-d3 s-dftd3 simple-dftd3 dispersion vdw d3bj d3(bj) d3-bj d3zero grimme",
            'Grimme\'s dispersion D3 is type = "d3" (functional, damping = "bj" or "zero")',
        ),
        ("lj/cut/soft softcore lj/soft", 'Lennard-Jones with a soft core is type = "soft-core"'),
        ("addforce setforce gravity efield/force", 'a force on a group is type = "force"'),
        ("efield field electric", 'a uniform field is type = "electric-field"'),
        ("wall/harmonic harmonic_wall", 'a soft wall is type = "harmonic-wall"'),
        ("wall/lj93 lj93 wall/lj126 lj_wall", 'a wall of Lennard-Jones atoms is type = "lj-wall"'),
        ("spring/self restraint restrain tether posre spring smd harmonic_restraint",
         'springs are type = "position-restraint", "distance-restraint" and "angle-restraint"'),
        ("wall/piston", 'a piston is type = "piston" for a pressure, a wall with a velocity for a speed'),
        ("tabulated pair_table spline user", 'a function of the distance, from a file, is type = "table"'),
    ),
    "damping": (
        ("becke-johnson bjm rational d3bj", 'Becke and Johnson\'s, rational, is damping = "bj"'),
        ("original zerom d3zero chg", 'the damping to zero is damping = "zero"'),
    ),
    "units": (
        (
            "real si cgs electron atomic ev angstrom ase nano micro gromacs",
            'write units = "metal": eV, Angstrom, fs, K, GPa',
        ),
        ("reduced dimensionless", 'reduced units are units = "lj"'),
    ),
    "truncation": (
        ("truncated none no false", 'a plain cut is truncation = "cut"'),
        ("yes energy", 'an energy that does not jump is truncation = "shifted"'),
        ("smooth linear shifted-force sf switch", 'forces that do not jump are truncation = "force-shifted"'),
    ),
    "mixing": (("arithmetic lb lorentz", 'it is called mixing = "lorentz-berthelot"'),),
    "build": (("cubic simple-cubic primitive", 'a simple cubic crystal is build = "sc"'),),
}


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "_")


_KEYS = {_plain(word): ours for word, ours in KEYS.items()}
_MISSING = {_plain(word): text for word, text in MISSING.items()}
_VALUES = {
    key: {_plain(word): text for words, text in groups for word in words.split()} for key, groups in VALUES.items()
}


def of_key(word: str) -> tuple[str, ...]:
    """Our keys with the meaning that `word` has elsewhere."""
    return _KEYS.get(_plain(word), ())


def missing(word: str) -> str | None:
    """A sentence about what `word` stands for, if mdcore has no such thing."""
    return _MISSING.get(_plain(word))


def of_value(key: str, value: str) -> str | None:
    """What to write for `value`, a word of another program, under `key`."""
    return _VALUES.get(key, {}).get(_plain(value))
