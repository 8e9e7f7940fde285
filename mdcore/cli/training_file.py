"""What does a training leave behind, beside its potential? ``<name>.training.h5``: its course, and all to go on from.

```
input                      the input file, and overrides of the command line as comments
attributes                 layout, layout_version, version (of mdcore), numpy, python, date, seed, command, author,
                           host, ranks
data/SUBSET/               train, validation, test; structures in the order of their use; lone atoms are in no set
    file, index, tag       where each comes from, counted from 0
    n_atoms, weight        [n]
    energy, forces, stress labels: eV [n], eV/Angstrom [all atoms, 3], eV/Angstrom^3 [n, 3, 3]; nan: none
    charges, total_charge  with charges: e [all atoms], [n]
descriptors/ELEMENT/       function (as text, in the order of the network's inputs), min, max, mean, sigma;
                           attributes scaling, layers (nodes), atom_energy (eV)
model/                     instead of descriptors, of a density network: attributes type, layers, channels, l_max,
                           factors, radial, mixed, hidden, cutoff; elements, atom_energies (eV)
descriptors/dropped        candidates that were of no use, and why
rehearsal/                 of one that decided how members are trained (density networks of one layer), as a member
member K/                  of each network of a committee, K from 0
    history/NAME           an entry an epoch, from epoch 0, the start: epoch, seconds, "train energy",
                           "validation force", ...: root-mean-square errors, meV an atom, meV/Angstrom, GPa,
                           10^-3 e
    initial, best          parameters of all elements, weights input-major, then biases, layer by layer; of a density
                           network in the order of its design, each over its usual size at the start; of potentials
                           with charges: then those of charges, logarithms of hardnesses over those at the start
    unit                   of the networks' energies, eV
    best_epoch, score      where the errors that count were lowest, and their geometric mean (eV, Angstrom)
    stage, epoch, since    which optimiser is at work, and how far; after the end: the last one
    optimizer/             its state
    predictions/SUBSET/    once the training has ended, of the best parameters: energy, forces, stress, charges as in
                           data
    errors                 the table of errors, row by row: subset, quantity, group, n, rmse, mae, largest, worst, unit
committee/                 of the mean of several members: predictions, errors
```

The file is replaced in one step; rank 0 alone touches it.
"""

import contextlib
import os

import h5py
import numpy as np

from mdcore.base.comm import on_root
from mdcore.base.errors import InputError, OutputError
from mdcore.base.files import SEAL_BYTES, cause, open_binary, open_h5, read_seal, seal
from mdcore.base.writing import plain, replacing
from mdcore.base.writing_h5 import new_h5
from mdcore.cli.files import open_folder
from mdcore.cli.outputs import tell, tell_differences
from mdcore.output import provenance

SUFFIX = ".training.h5"
EXPECTED = "the file of a training"
LAYOUT, LAYOUT_VERSION = "mdcore training", 1
RESULTS = ("predictions/", "errors")  # of a member: no part of its state
TEXT = h5py.string_dtype()
REHEARSAL = "rehearsal"  # in the place of a member's number


def keep_results(settings, paths, restart: bool, overwrite: bool) -> None:
    """Make the folder; OutputError if results at `paths` would be lost, or there are none to go on with."""
    existing = [path for path in paths if os.path.exists(path)]
    if existing and not (restart or overwrite):
        raise OutputError(
            f"{', '.join(existing)}: results exist; go on with --restart, replace them with --overwrite, or choose "
            f"another name, e.g. --set output.name={settings.output.name}-2"
        )
    state = settings.output_path(SUFFIX)
    if restart and not os.path.exists(state):
        raise OutputError(f"{state}: not there, so there is nothing to go on with; train without --restart")
    open_folder(settings)


class TrainingFile:
    """The file of one training; OutputError. All ranks of `comm` call its methods, the first works."""

    def __init__(self, settings, comm):
        self.settings, self.comm, self.path = settings, comm, settings.output_path(SUFFIX)
        self.has_state = False  # of this training, to go on from
        self._basis = None  # puts in what is known before training

    def begin(self, prepared, subsets, model, afresh: bool = False) -> None:
        """Put in what is known before training; subsets : {name: structures}; model : networks of the right size, or
        the Design of a density network.

        afresh : take the place of a file that is there, instead of adding to it
        """
        self._basis = lambda file: self._begin(file, prepared, subsets, model)
        on_root(self.comm, lambda: self._change(self._basis, afresh))

    @property
    def is_open(self) -> bool:
        """Has it begun?"""
        return self._basis is not None

    def put_state(self, fit, member: int | str) -> None:
        """Put in the state of one member (or of the REHEARSAL), beside those before."""
        state = fit.state()

        def put(file):
            group = _emptied(file, _group_of(member))
            for name, value in state.items():
                group[name] = value

        on_root(self.comm, lambda: self._change(put))
        self.has_state = True

    def put_results(self, results: dict) -> None:
        """Put in what the best parameters say; rank 0 calls it alone.

        results : {"member K" or "committee": ({subset: (structures, Predictions)}, rows of the error table)}
        """

        def put(file):
            for whose, (found, rows) in results.items():
                for name, (_, own) in found.items():
                    self.put_predictions(_emptied(file, f"{whose}/predictions/{name}"), own)
                kinds = [(word, TEXT) for word in ("subset", "quantity", "group", "worst", "unit")]
                kinds += [("n", "i8"), ("rmse", "f8"), ("mae", "f8"), ("largest", "f8")]
                table = [tuple(_stored(getattr(row, key)) for key, _ in kinds) for row in rows]
                file[whose].pop("errors", None)
                file[whose]["errors"] = np.array(table, dtype=kinds)

        self._change(put)

    def begun(self, data) -> set[int | str]:
        """The members (REHEARSAL, too) that have begun, on all ranks; InputError if not with the labels of `data`."""
        return on_root(self.comm, lambda: self._begun(data), share=True)

    def ranks(self) -> int:
        """On how many the training began, or went on last, on all ranks."""
        known = on_root(self.comm, lambda: self._read(lambda file: file.attrs.get("ranks", self.comm.size)), share=True)
        return int(known)

    def state(self, member: int | str) -> dict[str, np.ndarray] | None:
        """The state of a member that has begun, on rank 0 (nothing elsewhere)."""
        return on_root(self.comm, lambda: self._read(lambda file: _numbers(file[_group_of(member)])))

    @contextlib.contextmanager
    def advising(self):
        """An OutputError within the block says what there is to go on from."""
        try:
            yield
        except OutputError as error:
            if not self.has_state:
                raise
            told = OutputError(f"{error}. The last state is intact: {self.path}; then go on with --restart")
            told.collective = getattr(error, "collective", False)
            raise told from error

    # --- on rank 0 -------------------------------------------------------------------------------------------

    def _begun(self, data) -> set[int | str]:
        def look(file):
            if file.attrs.get("layout") != LAYOUT:
                raise OutputError(f"{self.path}: not the file of a training; train without --restart, or elsewhere")
            members: set[int | str] = {int(name.split()[1]) for name in file if name.startswith("member ")}
            return _text(file["input"]), members | ({REHEARSAL} if REHEARSAL in file else set())

        text, members = self._read(look)
        with open_binary(self.path, EXPECTED) as stream:
            _, damage = read_seal(stream)  # older files have none
        if damage:
            raise OutputError(f"{self.path}: damaged, or changed by another program: {damage}; train anew, --overwrite")
        tell_differences(self.path, text, self.settings, "the training")
        labels = self.labels_of(data)
        before = self._read(lambda file: {name: _doubles(file[f"data/train/{name}"]) for name in labels})
        changed = [name for name, values in labels.items() if not _same(values, before[name])]
        if changed and members:
            raise InputError(
                f"{self.path}: began with other data or labels to train on ({', '.join(changed)}); restore the data, "
                "or train anew under another name, e.g. --set output.name=..."
            )
        self.has_state = bool(members)
        return members

    def _read(self, function):
        """What `function` finds in the file."""
        try:
            with open_h5(self.path, EXPECTED) as file:
                return function(file)
        except InputError as error:
            raise OutputError(str(error)) from None
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:  # h5py's, of damage
            raise OutputError(f"{self.path}: damaged: {cause(error)}; train anew, with --overwrite") from None

    def _change(self, change, afresh: bool = False) -> None:
        """Let `change` work on a copy of the file (afresh: on an empty one) that then takes its place."""

        def copy(old, file):
            file.attrs.update(old.attrs)
            for name in old:
                old.copy(name, file)

        with replacing(self.path) as temporary:
            with new_h5(temporary, userblock_size=SEAL_BYTES) as file:
                if os.path.exists(self.path) and not afresh:
                    self._read(lambda old: copy(old, file))
                elif change is not self._basis:
                    tell(f"{self.path} was removed meanwhile: it is written anew, and what members before were is lost")
                    self._basis(file)
                change(file)
            seal(temporary, f"{LAYOUT} {LAYOUT_VERSION}")

    def _begin(self, file, prepared, subsets, model) -> None:
        settings = self.settings
        about = provenance.collect(settings.text, seed=settings.seed, numpy=np.__version__, ranks=str(self.comm.size))
        file.pop("input", None)
        file["input"] = plain(about.pop("input"))
        file.attrs.update({"layout": LAYOUT, "layout_version": LAYOUT_VERSION})
        file.attrs.update({name: plain(text) for name, text in about.items()})
        for name in ("data", "descriptors", "model", "committee"):  # the last was said of the members that were
            file.pop(name, None)
        for name, data in subsets.items():
            self._put_data(file.create_group(f"data/{name}"), data)
        self._put_model(file, prepared, model)

    def _put_model(self, file, prepared, model) -> None:
        if prepared.descriptors is None:
            _put_design(file.create_group("model"), model, prepared.atom_energies)
            return
        chosen = prepared.descriptors
        for element, functions, scaling, network in zip(
            chosen.elements, chosen.functions, chosen.scaling, model.networks, strict=True
        ):
            group = file.create_group(f"descriptors/{element}")
            _put_text(group, "function", [f.label for f in functions])
            for key in ("min", "max", "mean", "sigma"):
                group[key] = getattr(scaling, key)
            group.attrs.update(
                scaling=scaling.mode, layers=network.layer_sizes, atom_energy=prepared.atom_energies[element]
            )
        _put_text(file["descriptors"], "dropped", [f"{name}: {why}" for name, why in chosen.dropped.items()])

    def _put_data(self, group, data) -> None:
        _put_text(group, "file", [s.file for s in data])
        _put_text(group, "tag", [s.tag for s in data])
        for name in ("index", "weight"):
            group[name] = np.array([getattr(s, name) for s in data])
        group["n_atoms"] = np.array([s.n for s in data])
        for name, values in self.labels_of(data).items():
            group[name] = values

    def labels_of(self, data) -> dict[str, np.ndarray]:
        """Labels of structures: eV [n], eV/Angstrom [all atoms, 3], eV/Angstrom^3 [n, 3, 3], where there are charges e
        [all atoms] and [n]; nan: none."""
        energy = [np.nan if s.energy is None else s.energy for s in data]
        forces = [np.full((s.n, 3), np.nan) if s.forces is None else s.forces for s in data]
        stress = [np.full((3, 3), np.nan) if s.stress is None else s.stress for s in data]
        found = {"energy": np.array(energy), "forces": np.concatenate(forces), "stress": np.array(stress)}
        if self.settings.long_range:
            charges = [np.full(s.n, np.nan) if s.charges is None else s.charges for s in data]
            found |= {"charges": np.concatenate(charges), "total_charge": np.array([s.total_charge for s in data])}
        return found

    @staticmethod
    def put_predictions(group, own) -> None:
        """Put what the model says of a subset (Predictions) into its group."""
        group["energy"], group["stress"] = own.energies, own.stresses
        group["forces"] = np.concatenate(own.forces)
        if own.charges is not None:
            group["charges"] = np.concatenate(own.charges)


def _put_design(group, design, energies) -> None:
    sizes = {key: value for key, value in design.sizes.items() if key != "species"}
    group.attrs.update(type="density", factors=design.factors, **sizes)
    _put_text(group, "elements", design.elements)
    group["atom_energies"] = np.array([energies[e] for e in design.elements])


def _text(data) -> str:
    if data.shape != ():
        raise TypeError(f"{data.name} holds no text")
    return data.asstr()[()]


def _doubles(data) -> np.ndarray:
    if data.dtype != np.float64 or data.shape is None:
        raise TypeError(f"{data.name} holds no numbers of double precision")
    return data[()]


def _same(a, b) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=True)


def _group_of(member: int | str) -> str:
    return REHEARSAL if member == REHEARSAL else f"member {member}"


def _stored(value):
    return plain(value) if isinstance(value, str) else value


def _put_text(group, name: str, texts) -> None:
    group.create_dataset(name, data=[plain(text) for text in texts], shape=(len(texts),), dtype=TEXT)


def _numbers(group) -> dict[str, np.ndarray]:
    """{path: array} of all that is in a group, but results."""
    found: dict[str, np.ndarray] = {}

    def visit(key, item):
        if not isinstance(item, h5py.Dataset) or key.startswith(RESULTS):
            return
        if item.dtype.kind not in "fiubS" or item.shape is None:
            raise TypeError(f"{item.name} holds no numbers")
        found[key] = item[()]

    group.visititems(visit)
    return found


def _emptied(file, name: str):
    file.pop(name, None)
    return file.create_group(name)
