"""Energy and forces of a random MACE network by symmetrix-xl or by torch: atoms a second of the processor. Its training
by torch: structures a second.

Run by density_speed.py with the Python that has symmetrix-xl, mace-torch, torch and matscipy. Same shape as ours:
scalars, l_max 3, products of three, cutoff 5; positions move a little from call to call, as in dynamics.

    PYTHON density_peers.py make FILE.model CHANNELS LAYERS Z...
    PYTHON density_peers.py time FILE.model symmetrix|torch float64|float32 STRUCTURE.xyz CALLS
    PYTHON density_peers.py train FILE.model float64|float32 STRUCTURES.xyz BATCH STEPS
"""

import json
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # e3nn 0.4 reads constants that torch would refuse

import numpy as np


def make(path, channels, layers, *numbers) -> None:
    import torch
    from e3nn import o3
    from mace import modules

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    numbers = sorted(map(int, numbers))
    interaction = modules.interaction_classes
    irreps = o3.Irreps(f"{channels}x0e")
    model = modules.ScaleShiftMACE(
        r_max=5.0, num_bessel=8, num_polynomial_cutoff=5, max_ell=3,
        interaction_cls=interaction["RealAgnosticResidualInteractionBlock"],
        interaction_cls_first=interaction["RealAgnosticInteractionBlock"],
        num_interactions=int(layers), num_elements=len(numbers), hidden_irreps=irreps, MLP_irreps=o3.Irreps("16x0e"),
        atomic_energies=np.zeros(len(numbers)), avg_num_neighbors=28.0, atomic_numbers=numbers, correlation=3,
        gate=torch.nn.functional.silu, radial_MLP=[64, 64, 64], radial_type="bessel",
        atomic_inter_scale=0.01, atomic_inter_shift=0.0,
    )  # fmt: skip
    torch.save(model, path)
    from symmetrix.extract_mace_data import extract_mace_data

    with open(f"{path}.json", "w") as file:
        json.dump(extract_mace_data(path, species=[], radial_format="compact"), file)
    print(json.dumps({"parameters": sum(p.numel() for p in model.parameters())}))


def measure(path, program, dtype, structure, calls) -> None:
    import ase.io

    atoms, rng = ase.io.read(structure), np.random.default_rng(1)
    if program == "torch":
        import torch
        from mace.calculators import MACECalculator

        torch.set_num_threads(1)
        atoms.calc = MACECalculator(model_paths=path, device="cpu", default_dtype=dtype)
    else:
        from symmetrix import Symmetrix

        atoms.calc = Symmetrix(f"{path}.json", dtype=dtype, execution_profile="speed")
    if not atoms.cell.rank:
        atoms.center(vacuum=20.0)  # lists of matscipy need a cell
    start, seconds = atoms.get_positions(), []
    for _ in range(int(calls) + 2):
        atoms.set_positions(start + rng.normal(0.0, 0.01, start.shape))
        begin = time.process_time()
        atoms.get_forces()
        seconds.append(time.process_time() - begin)
    print(json.dumps({"rate": len(atoms) / float(np.median(seconds[2:]))}))


def train(path, dtype, structures, batch, steps) -> None:
    """Steps of Adam on batches of labelled structures, as mace.tools.train takes them; edges are found before."""
    import ase.io
    import torch
    from mace import data, modules, tools
    from mace.tools import torch_geometric
    from mace.tools.train import take_step

    torch.set_num_threads(1)
    torch.set_default_dtype(getattr(torch, dtype))
    model = torch.load(path).to(getattr(torch, dtype))
    for parameter in model.parameters():
        parameter.requires_grad = True
    elements = tools.AtomicNumberTable(model.atomic_numbers.tolist())
    own = []
    for atoms in ase.io.read(structures, slice(0, int(batch) * int(steps))):
        labels = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        each, cell = dict.fromkeys(labels, 1.0), (atoms.cell.array, atoms.pbc)
        one = data.Configuration(atoms.numbers, atoms.positions, labels, each, *cell)
        own.append(data.AtomicData.from_config(one, z_table=elements, cutoff=5.0))
    loader = torch_geometric.dataloader.DataLoader(own, batch_size=int(batch), shuffle=False)
    loss = modules.WeightedEnergyForcesLoss(energy_weight=1.0, forces_weight=100.0)
    adam, seconds = torch.optim.Adam(model.parameters(), lr=0.01, amsgrad=True), []
    wanted = {"forces": True, "virials": False, "stress": False}
    for one in loader:
        begin = time.process_time()
        take_step(model, loss, one, adam, None, wanted, 10.0, torch.device("cpu"))
        seconds.append(time.process_time() - begin)
    print(json.dumps({"rate": int(batch) / float(np.median(seconds[2:]))}))


if __name__ == "__main__":
    {"make": make, "time": measure, "train": train}[sys.argv[1]](*sys.argv[2:])
