"""Is a network potential read as n2p2 and RuNNer mean it, and refused by name where it is not?"""

import re

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.potentials.networks.frozen import identical
from mdcore.potentials.networks.n2p2.read import read_n2p2
from mdcore.potentials.networks.n2p2.write import write_n2p2
from tests.reference.hdnnp_models import INPUT, random_model, write_folder

# --- reading ---------------------------------------------------------------------------------------------


def test_elements_and_functions_come_in_network_order(tmp_path):
    model = read_n2p2(write_folder(tmp_path / "p"))
    assert model.elements == ("H", "O") and model.cutoff == 6.0
    assert [f.label for f in model.symmetry_functions[0]] == [
        "H 2 H eta=0.01 rc=6",
        "H 2 O eta=0.3 rs=0.9 rc=6",
        "H 3 H O eta=0.2 lambda=1 zeta=1 rc=6",
    ]
    assert model.symmetry_functions[1][1].label == "O 9 H H eta=0.07 rs=0.5 lambda=-1 zeta=4 rc=6"
    assert model.symmetry_functions[1][0].eta == 0.01  # Fortran's 1.0d-2
    assert model.networks[0].layer_sizes == (3, 3, 2, 1)
    assert model.networks[1].activations == ("t", "p", "l")
    first = float((tmp_path / "p" / "weights.001.data").read_text().split()[1])
    assert model.networks[0].weights[0][0, 1] == first  # weights are input-major
    assert model.scaling[0].mode == "scale_center" and np.isnan(model.scaling[0].sigma).all()
    assert model.units is None and model.normalisation is None
    with pytest.raises(InputError, match=r"units .* not stated.*mdcore\.toml"):
        _ = model.stated_units


def test_sort_key_orders_all_types():
    order = [f.sort_key[:2] for f in random_model().symmetry_functions[0]]
    assert order == sorted(order)
    compact = [f for f in random_model().symmetry_functions[0] if f.type == 21]
    keys = [(f.subtype, f.neighbors, f.cutoff, f.rl) for f in compact]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    "words, mode",
    [
        ([], "none"),
        (["center_symmetry_functions"], "center"),
        (["scale_symmetry_functions"], "scale"),
        (["scale_symmetry_functions", "center_symmetry_functions"], "scale_center"),
    ],
)
def test_scaling_modes(tmp_path, words, mode):
    text = INPUT.replace("scale_symmetry_functions\ncenter_symmetry_functions", "\n".join(words))
    model = read_n2p2(write_folder(tmp_path / "p", text + "scale_min_short_atomic -1.0\nscale_max_short 2.0"))
    slope, shift, base = model.scaling[0].affine()
    g = np.array([0.7, 0.8, 0.9])
    low, high, mean = model.scaling[0].min, model.scaling[0].max, model.scaling[0].mean
    expected = {
        "none": g,
        "center": g - mean,
        "scale": -1 + 3 * (g - low) / (high - low),
        "scale_center": -1 + 3 * (g - mean) / (high - low),
    }[mode]
    assert model.scaling[0].mode == mode
    assert np.allclose(slope * (g - shift) + base, expected, atol=1e-15)


def test_sigma_scaling_needs_a_sixth_column(tmp_path):
    text = INPUT.replace(
        "scale_symmetry_functions\ncenter_symmetry_functions", "scale_symmetry_functions_sigma"
    )
    with pytest.raises(InputError, match="sigma is zero or missing"):
        read_n2p2(write_folder(tmp_path / "p", text))
    rows = [f"{e} {f} 0.0 1.0 0.5 0.25" for e, n in ((1, 3), (2, 2)) for f in range(1, n + 1)]
    model = read_n2p2(write_folder(tmp_path / "q", text, scaling="# header\n" + "\n".join(rows)))
    assert np.array_equal(model.scaling[1].affine()[0], [4.0, 4.0])


def test_no_scaling_file_is_needed_without_scaling(tmp_path):
    text = INPUT.replace("scale_symmetry_functions\ncenter_symmetry_functions", "")
    folder = write_folder(tmp_path / "p", text)
    (folder / "scaling.data").unlink()
    model = read_n2p2(folder)
    assert np.all(model.scaling[0].max == np.inf) and np.array_equal(model.scaling[0].affine()[0], np.ones(3))
    write_n2p2(model, tmp_path / "q")
    assert not (tmp_path / "q" / "scaling.data").exists()


def test_global_and_element_functions_expand(tmp_path):
    text = re.sub("symfunction_short.*\n", "", INPUT) + (
        "global_symfunction_short 2 0.1 0.0 6.0\n"
        "global_symfunction_short 3 0.1 1.0 2.0 6.0\n"
        "element_symfunction_short O 9 0.2 -1.0 1.0 6.0\n"
    )
    sizes = {1: (5, 3, 2, 1), 8: (8, 3, 2, 1)}
    rows = [f"{e} {f} 0 1 0.5" for e, n in ((1, 5), (2, 8)) for f in range(1, n + 1)]
    model = read_n2p2(write_folder(tmp_path / "p", text, sizes=sizes, scaling="\n".join(rows)))
    names = [(f.type, *f.neighbors) for f in model.symmetry_functions[1]]
    pairs = [("H", "H"), ("H", "O"), ("O", "O")]
    assert names == [(2, "H"), (2, "O"), *((3, *p) for p in pairs), *((9, *p) for p in pairs)]
    assert names[:5] == [(f.type, *f.neighbors) for f in model.symmetry_functions[0]]


@pytest.mark.parametrize(
    "lines, sizes, activations",
    [
        ("element_nodes_short O 4 3\nelement_activation_short O g c l", (2, 4, 3, 1), ("g", "c", "l")),
        ("element_nodes_short O 1 4", (2, 4, 2, 1), ("t", "p", "l")),  # RuNNer: layer 1 has 4 nodes
        ("element_nodes_short O 1 4\nelement_nodes_short O 2 5", (2, 4, 5, 1), ("t", "p", "l")),
        ("element_nodes_short O 2 4", (2, 2, 4, 1), ("t", "p", "l")),  # n2p2: the weights decide
        (
            "element_hidden_layers_short O 1\nelement_nodes_short O 6\nelement_activation_short O s l",
            (2, 6, 1), ("s", "l"),
        ),
        ("element_hidden_layers_short O 0\nelement_activation_short O h", (2, 1), ("h",)),
        ("\n".join(f"element_activation_short O 1 {k} s" for k in (1, 2, 3)), (2, 3, 2, 1), ("s", "p", "l")),
    ],
)  # fmt: skip
def test_networks_of_their_own(tmp_path, lines, sizes, activations):
    text = INPUT.replace("random_seed", lines + "\nrandom_seed")
    model = read_n2p2(write_folder(tmp_path / "p", text, sizes={8: sizes}))
    assert model.networks[1].layer_sizes == sizes and model.networks[1].activations == activations
    assert model.networks[0].layer_sizes == (3, 3, 2, 1)
    write_n2p2(model, tmp_path / "q" / "p")
    assert identical(model, read_n2p2(tmp_path / "q" / "p"))


def test_cutoff_forms(tmp_path):
    def first(line, name):
        return read_n2p2(
            write_folder(tmp_path / name, INPUT.replace("cutoff_type 1", line))
        ).symmetry_functions[0][0]

    assert (first("cutoff_type 6 0.25", "a").cutoff_type, first("cutoff_type 6 0.25", "a").alpha) == (6, 0.25)
    assert first("cutoff_type 2 0.5", "b").alpha == 0.0  # n2p2's tanh cutoffs have no inner part
    assert first("cutoff_type 1\ncutoff_alpha 0.3", "c").alpha == 0.3  # RuNNer
    with pytest.raises(InputError, match="line 5: cutoff_alpha: an inner cutoff of the tanh"):
        first("cutoff_type 2\ncutoff_alpha 0.3", "d")


def test_atom_energies_follow_the_program_that_wrote_the_file(tmp_path):
    text = INPUT + "atom_energy O -16.0\n"
    assert read_n2p2(write_folder(tmp_path / "a", text)).atom_energies == (0.0, -16.0)
    assert read_n2p2(write_folder(tmp_path / "b", text + "runner_mode 3\n")).atom_energies == (0.0, 0.0)
    text += "runner_mode 3\nremove_atom_energies\n"
    assert read_n2p2(write_folder(tmp_path / "c", text)).atom_energies == (0.0, -16.0)


def test_keyword_spellings_of_both_programs(tmp_path):
    text = INPUT.replace("global_nodes_short", "global_nodes_short_atomic").replace(
        "cutoff_type", "cutoff_type"
    )
    text += "nnp_gen 2\nnn_type_short 1\nuse_short_nn\nelectrostatic_type 1\nglobal_nodes_electrostatic 5 5\n"
    text += "nnp_type 2G-HDNNP\nwrite_weights_epoch 1\nnguyen_widrow_weights_short\nnormalize_nodes\n"
    assert read_n2p2(write_folder(tmp_path / "p", text)).networks[0].normalize_nodes


# --- refusals --------------------------------------------------------------------------------------------

BAD_INPUTS = [  # (replace, by, expected message)
    ("random_seed", "nnp_generation 3\nrandom_seed", r"line 10: nnp_generation: 3 \(environment-dependent charges\)"),
    ("random_seed", "nnp_type 3G-HDNNP\nrandom_seed", "nnp_type: 3G-HDNNP"),
    ("random_seed", "nn_type_short 2\nrandom_seed", "nn_type_short: 2: mdcore supports type 1"),
    ("random_seed", "use_electrostatics\nrandom_seed", "use_electrostatics: .* not support electrostatic"),
    ("random_seed", "use_vdw\nrandom_seed", "use_vdw: mdcore does not support dispersion"),
    ("random_seed", "global_pairsymfunction_short 2 1 1\nrandom_seed", "does not support pair networks"),
    ("random_seed", "random_sed 1\nrandom_seed", "line 10: random_sed: .*; did you mean 'random_seed'"),
    ("random_seed", "quantum_foam 1\nrandom_seed", "unknown keyword; put # before it"),
    ("random_seed", "cutoff_type 2\nrandom_seed", r"cutoff_type: given twice \(first at line 4\)"),
    ("cutoff_type 1", "", "keyword cutoff_type is missing"),
    ("cutoff_type 1", "cutoff_type 9", "cutoff_type: 9: expected 0 to 8"),
    ("cutoff_type 1", "cutoff_type cos", "expected an integer for the cutoff type, found 'cos'"),
    ("cutoff_type 1", "cutoff_type 1 1.5", r"alpha = 1.5: expected 0 <= alpha < 1"),
    ("elements O H", "elements O Hx", "unknown element 'Hx'"),
    ("elements O H", "elements O H C", "3 given, 2 distinct elements expected"),
    ("elements O H", "elements O O", "2 given, 2 distinct"),
    ("global_hidden_layers_short 2", "", "keyword global_hidden_layers_short is missing"),
    ("global_nodes_short 3 2", "global_nodes_short 3", "give 2 positive numbers of nodes"),
    ("global_nodes_short 3 2", "global_nodes_short 3 three", "expected an integer for the nodes of a layer"),
    ("global_nodes_short 3 2", "global_nodes_short 3 4", r"data: 23 weights .* expected 33 \(3-3-4-1\)"),
    ("global_activation_short t p l", "global_activation_short t l", "2 activations given for 3 layers"),
    ("global_activation_short t p l", "global_activation_short t q l", "unknown activation 'q'"),
    ("random_seed", "element_activation_short H 1 2 g\nrandom_seed", "layer 1 of H mixes"),
    ("O 9 H H 0.07", "O 4 H H 0.07", "type 4 is not supported"),
    ("O 9 H H 0.07", "O 9 H C 0.07", "'C' is not among the elements"),
    ("O 9 H H 0.07 -1 4.0 6.0 0.5", "O 9 H H 0.07 -1 4.0", "cutoff is missing"),
    ("-1 4.0 6.0 0.5", "-1 4.0 6.0 0.5 7", r"too many .* <e1> <e2> <eta> <lambda> <zeta> <rc> \[<rs>\]"),
    ("O 9 H H 0.07 -1 4.0 6.0 0.5", "O 9 H H 0.07 -1 0.0 6.0", "zeta = 0: it must be another number"),
    ("H 2 O 0.30 0.9 6.0", "H 2 O 0.30 0.9 -6.0", "cutoff -6.0: it must be positive"),
    ("H 2 O 0.30 0.9 6.0", "H 2 O 0.30 nan 6.0", "not finite"),
    ("H 2 O 0.30 0.9 6.0", "H 2 O abc 0.9 6.0", "expected a number for eta, found 'abc'"),
    ("H 2 O 0.30 0.9 6.0", "H 20 O 1.0 6.0 p7", "subtype 'p7'"),
    ("H 2 O 0.30 0.9 6.0", "H 20 O 7.0 6.0 p2", "rl must be less than rc"),
    ("H 2 O 0.30 0.9 6.0", "H 22 O H 0.0 6.0 90 30 p2", "the first must be less"),
    ("random_seed", "mean_energy -1.0\nrandom_seed", "conv_energy is missing"),
    ("random_seed", "mean_energy 1\nconv_energy 0\nconv_length 1\nrandom_seed", "conv_energy: 0.0: it must"),
    ("random_seed", "scale_min_short 1\nrandom_seed", "the scaled range 1.0 to 1.0 is empty"),
    ("random_seed", "scale_symmetry_functions_sigma\nrandom_seed", "can't be combined with"),
    ("random_seed", "atom_energy C 1.0\nrandom_seed", "atom_energy: 'C' is not among the elements"),
    ("random_seed", "atom_energy H\nrandom_seed", "the energy is missing"),
    ("random_seed", "atom_energy H 1\natom_energy H 2\nrandom_seed", "H given twice"),
]  # fmt: skip


@pytest.mark.parametrize("old, new, message", BAD_INPUTS, ids=[message[:40] for *_, message in BAD_INPUTS])
def test_bad_input_names_file_line_and_keyword(tmp_path, old, new, message):
    assert old in INPUT
    folder = write_folder(tmp_path / "p", INPUT.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as error:
        read_n2p2(folder)
    assert str(error.value).startswith(str(folder))


@pytest.mark.parametrize(
    "name, edit, message",
    [
        (
            "scaling.data",
            lambda t: t.replace("0.1 ", "zero ", 1),
            "line 1: expected 2 integers and 3 or 4 numbers",
        ),
        (
            "scaling.data",
            lambda t: t.split("\n", 1)[1],
            r"symmetry function 1 \(H 2 H eta=0.01 rc=6\) is missing",
        ),
        ("scaling.data", lambda t: t + "1\n", "expected 2 integers"),
        ("scaling.data", lambda t: t + "1 1 0 1 0.5\n", "function 1 of H given twice"),
        ("scaling.data", lambda t: t + "1 9 0 1 0.5\n", "has no function 9 of element 1"),
        (
            "scaling.data",
            lambda t: t.replace("2.1 ", "0.1 ", 1),
            "range is zero or missing; train without it",
        ),
        ("scaling.data", None, "scaling.data: can't be read: No such file"),
        ("weights.008.data", None, "weights.008.data: can't be read: No such file"),
        ("weights.008.data", lambda t: t[: len(t) // 2], r"weights and biases, expected 20 \(2-3-2-1\)"),
        ("weights.008.data", lambda t: "x" + t, "line 1: expected a finite number"),
        ("weights.008.data", lambda t: t.replace(t.split()[0], "nan", 1), "line 1: expected a finite number"),
        ("input.nn", None, "input.nn: can't be read"),
    ],
)
def test_damaged_files(tmp_path, name, edit, message):
    path = write_folder(tmp_path / "p") / name
    if edit is None:
        path.unlink()
    else:
        path.write_text(edit(path.read_text()))
    with pytest.raises(InputError, match=message):
        read_n2p2(tmp_path / "p")
    with pytest.raises(InputError, match="no such folder"):
        read_n2p2(tmp_path / "absent")
