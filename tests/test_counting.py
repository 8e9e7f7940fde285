"""Is no dispersion and no electrostatics counted twice, unless somebody means it?"""

from dataclasses import replace
from pathlib import Path

import pytest

from mdcore import D3, Coulomb, Electrostatics, HDNNPotential, InputError, LennardJones, Sum, read_model
from mdcore.cli import main
from mdcore.cli.assemble import make_potential, read_potentials
from mdcore.config import load
from mdcore.potentials.counted import KINDS
from mdcore.potentials.dispersion.images import LongLennardJones
from mdcore.potentials.networks.h5 import write_h5
from tests.reference.hdnnp_models import charged_model, random_model

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = sorted((ROOT / "potentials").glob("*.h5"))
DISPERSED = {"water", "acetylacetone", "butane"}  # TS; D3; D4 in GFN2-xTB. The others are PBE
CHARGES = '[[potential]]\ntype = "electrostatics"\ncharges = { H = 0.4, O = -0.8 }\n'
BESIDE = {
    "d3": '[[potential]]\ntype = "d3"\nfunctional = "pbe0"\n',
    "electrostatics": CHARGES,
    "coulomb": CHARGES.replace("electrostatics", "coulomb") + "cutoff = 8.0\n",
    "lj": '[[potential]]\ntype = "lj"\ntruncation = "none"\ncutoff = 8.0\n'
    "species = { H = { epsilon = 0.01, sigma = 3.0 }, O = { epsilon = 0.01, sigma = 3.0 } }\n",
}


def network(contains=None, **changes):
    model = random_model(("H", "O"))
    if contains is not None:
        changes["provenance"] = {"contains": contains}
    return replace(model, name="net", **changes)


NETS = {
    "of both": (network("dispersion, electrostatics"), set(KINDS)),
    "of PBE": (network("electrostatics"), {"electrostatics"}),
    "of nothing": (network("nothing"), set()),
    "nobody says": (network(), set()),
    "subtracted": (network("electrostatics, dispersion", subtracted=(D3("pbe", cutoff=8.0),)), set(KINDS)),
    "subtracted, nobody says": (network(subtracted=(D3("pbe", cutoff=8.0),)), {"dispersion"}),
    "charged": (replace(charged_model(("H", "O")), name="net"), {"electrostatics"}),
}
ADDS = {"d3": "dispersion", "lj": "dispersion", "electrostatics": "electrostatics", "coulomb": "electrostatics"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = '[structure]\nfile = "a.xyz"\n[[potential]]\ntype = "hdnnp"\nfile = "net.h5"\n'
    (tmp_path / "run.toml").write_text(text + '[[stage]]\nensemble = "nve"\ntimestep = 0.1\nsteps = 1\n')
    cell = "30 0 0 0 30 0 0 0 30"
    (tmp_path / "a.xyz").write_text(f'3\nLattice="{cell}"\nO 5 5 5\nH 5 5.96 5\nH 5.93 4.76 5\n')
    return tmp_path


@pytest.mark.parametrize("name", list(NETS))
def test_a_network_and_what_is_beside_it(name, folder):
    """Refused where both have it, with file, section and cure; allowed where somebody says so, and where they have not.
    """
    model, has = NETS[name]
    write_h5(model, "net.h5")
    own = (folder / "run.toml").read_text()
    assert set(model.has) == has
    for kind, text in BESIDE.items():
        for order in (own + text, own.replace("[[potential]]", text + "[[potential]]", 1)):
            Path("sum.toml").write_text(order)
            if ADDS[kind] not in has:
                read_potentials(load("sum.toml"), ())
                continue
            with pytest.raises(InputError) as caught:
                read_potentials(load("sum.toml"), ())
            where = order.split("[[potential]]").index(text.removeprefix("[[potential]]"))
            assert f'sum.toml: [[potential]] #{where} type = "{kind}": a second time {ADDS[kind]}' in str(caught.value)
            assert "net.h5 has it, too (" in str(caught.value) and 'double_counting = "allow"' in str(caught.value)
            settings = load("sum.toml", ['double_counting="allow"'])
            potential = make_potential(settings, read_potentials(settings, ()))
            assert len(potential.terms) == 2 and potential.double_counting == "allow"


def test_check_warns_where_a_card_says_nothing(folder, capsys):
    write_h5(network(), "net.h5")
    text = (folder / "run.toml").read_text()
    Path("sum.toml").write_text(text + BESIDE["electrostatics"])
    assert main(["check", "sum.toml"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "net.h5: its card does not say what its labels contain; if electrostatics is in them, it is counted" in told
    for more in (["--set", 'double_counting="allow"'], None):
        if more is None:  # the card says it
            assert main(["convert", "net.h5", "said.h5", "--contains", "dispersion"]) == 0
            more = ["--set", "potential.0.file=said.h5"]
        capsys.readouterr()
        assert main(["check", "sum.toml", *more]) == 0
        assert "its card does not say" not in capsys.readouterr().out


def test_convert_writes_what_a_card_lacks(folder, capsys):
    write_h5(network(), "net.h5")
    for text, has in (("electrostatics,dispersion", set(KINDS)), ("nothing", set())):
        assert main(["convert", "net.h5", "said.h5", "--contains", text, "--overwrite"]) == 0
        assert read_model("said.h5").says and set(read_model("said.h5").has) == has
    assert main(["info", "said.h5"]) == 0
    assert "neither dispersion nor electrostatics" in capsys.readouterr().out
    assert main(["convert", "net.h5", "said.h5", "--contains", "charges", "--overwrite"]) != 0
    assert '--contains charges: expected some of dispersion,electrostatics, or "nothing"' in capsys.readouterr().err


def test_sums_of_objects():
    net, pbe = (HDNNPotential(NETS[name][0]) for name in ("of both", "of PBE"))
    lj = LongLennardJones(8.0, 0.01, 3.0)
    charges, shifted = Electrostatics({"H": 0.4, "O": -0.8}), Coulomb(8.0, {"H": 0.4, "O": -0.8})
    near = LennardJones(8.0, 0.01, 3.0)
    for terms, what in (
        ((net, D3("pbe0")), "dispersion"), ((D3("pbe0"), lj), "dispersion"), ((charges, shifted), "electrostatics"),
        ((Sum(near, charges), pbe), "electrostatics"), ((net, net), "dispersion"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=rf'Sum: {what} twice: .* double_counting="allow"'):
            Sum(*terms)
        allowed = Sum(*terms, double_counting="allow")
        assert what in allowed.has and len(allowed.terms) == 2
    assert set(Sum(pbe, D3("pbe")).has) == set(KINDS)
    Sum(near, near, charges, D3("pbe0"))  # what ends at a cutoff is nobody's long range
    with pytest.raises(InputError, match="Sum: double_counting = 'yes': choose one of refuse, allow"):
        Sum(near, near, double_counting="yes")


def test_a_card_that_says_what_it_can_not():
    with pytest.raises(InputError, match='contains = \'D3\' in its card: expected some of dispersion, electrostatics'):
        network("D3")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_cards_of_what_is_shipped(path):
    wanted = set(KINDS) if path.stem.partition("_")[0] in DISPERSED else {"electrostatics"}
    model = read_model(path)
    assert model.says and set(model.has) == wanted


def test_a_baseline_that_takes_over_is_not_counted_beside_the_network(folder, capsys):
    """In an input, where the network is not the first; a third potential still is beside both."""
    from mdcore.potentials.networks.committee import committee

    models = [random_model(("H", "O"), weights_seed=k) for k in (1, 2)]
    write_h5(replace(committee(models), provenance={"contains": "dispersion"}), "net.h5")
    text = (folder / "run.toml").read_text()
    fallback = '[potential.fallback]\nbaseline = ["d3"]\nuncertainty = 0.3\n'
    network = text[text.index("[[potential]]") : text.index("[[stage]]")]
    (folder / "sum.toml").write_text(text.replace(network, BESIDE["d3"] + network + fallback))
    assert main(["check", "sum.toml"]) == 0
    assert "twice" not in capsys.readouterr().err
    (folder / "sum.toml").write_text(text.replace(network, BESIDE["d3"] + network + fallback + BESIDE["lj"]))
    assert main(["check", "sum.toml"]) == 2
    assert "a second time dispersion" in capsys.readouterr().err
