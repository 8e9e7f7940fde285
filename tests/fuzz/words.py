"""How are command lines broken?"""

GOOD = [
    ["run", "network.toml", "--quiet", "--overwrite"],
    ["run", "network.toml", "--restart"],
    ["check", "network.toml", "--set", "stage.0.steps=1"],
    ["info", "n2p2", "--units", "length=angstrom,energy=ev"],
    ["info", "net.h5"],
    ["evaluate", "net.h5", "labelled.extxyz", "--labels", "energy=energy,forces=forces", "--output", "new.extxyz"],
    ["evaluate", "net.h5", "input.data", "--data-units", "length=bohr,energy=hartree", "--threads", "1"],
    ["evaluate", "net.h5", "deepmd", "--record", "test"],
    ["convert", "n2p2", "new.h5", "--units", "length=angstrom,energy=ev", "--structure", "labelled.extxyz"],
    ["convert", "net.h5", "new-folder"],
    ["convert", "net.h5", "net.h5", "both.h5"],
    ["train", "network.toml"],
    ["--version"],
    ["run", "network.toml", "--set", "velocities.temperature=20", "--set", 'structure.masses={ H = 1.0 }'],
]  # fmt: skip
OPTIONS = [
    "--quiet", "--restart", "--overwrite", "--set", "--units", "--threads", "--output", "--labels", "--record",
    "--structure", "--data-units", "--help", "--version", "--plot", "-h", "--", "-", "--qui", "--unknown=1",
]  # fmt: skip
WORDS = [
    "", " ", "x", "-1", "0", "nan", "1e308", "99999999999999999999", "a=b", "=", "a=", "=b", "a.b.c.d=1", "stage=1",
    "stage.0=1", "stage.-1.steps=1", "stage.99.steps=1", "stage.0.steps=[[[[", "structure.file=zero",
    "seed=9223372036854775808", "structure.file=pipe", "stage.0.steps=nan", "potential.0.file=loop",
    'title="\\u0000"', "output.name=../outside", "output.name=a/b", "output.directory=folder",
    "output.directory=labelled.extxyz", "output.directory=pipe", "output.name="+ 300 * "n",
    "length=bohr", "length=bohr,length=nm", "energy=", "length=angstrom,energy=ev,", "net.h5", "bare.h5", "n2p2",
    "deepmd", "network.toml", "labelled.extxyz", "input.data", "pipe", "zero", "loop", "folder", "nothing/new.h5",
    "new.H5", "new.txt", ".", "..", "\u00e9\u202e", "\udcff", "\n", 5000 * "a", "energy=nothing",
    "forces=pos,energy=id", "stress=Lattice", "tag=\x1b[31m", "outside", "../outside", "*",
]  # fmt: skip


def arguments(random) -> list[str]:
    """A command line that was good."""
    found = list(random.choice(GOOD))
    for _ in range(random.choice((1, 1, 2, 3))):
        k = random.randrange(len(found) + 1)
        match random.randrange(6):
            case 0:
                found[k : k + 1] = []
            case 1:
                found.insert(k, random.choice(WORDS))
            case 2:
                found[k : k + 1] = [random.choice(WORDS)]
            case 3:
                found[k:k] = [random.choice(OPTIONS), random.choice(WORDS)]
            case 4:
                found.insert(k, random.choice(OPTIONS))
            case 5 if len(found) > 1:
                other = random.randrange(len(found))
                found[other], found[min(k, len(found) - 1)] = found[min(k, len(found) - 1)], found[other]
    return found
