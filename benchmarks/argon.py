"""Is liquid argon what Rahman found in 1964?  Runs inputs/argon.toml and sets the results beside his.

A. Rahman, Phys. Rev. 136, A405 (1964): first peak of g(r) at 3.7 Angstrom, D = 2.43e-5 cm2/s. With --seeds n
the run is repeated with other seeds; their scatter tests the error bars.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common
import numpy as np

INPUT = Path(__file__).resolve().parents[1] / "inputs" / "argon.toml"


def run(seed: int, settings: list[str]) -> tuple[dict, float]:
    """The analysis of one run, and its wall seconds."""
    with tempfile.TemporaryDirectory() as folder:
        words = [f"seed={seed}", "output.directory=.", "analysis.plot=false", *settings]
        command = [sys.executable, "-m", "mdcore", "run", str(INPUT), "--quiet"]
        command += [word for one in words for word in ("--set", one)]
        begin = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True)
        seconds = time.perf_counter() - begin
        return json.loads((Path(folder) / "argon.analysis.json").read_text()), seconds


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="runs, with seeds 1, 2, ...")
    parser.add_argument("--set", action="append", default=[], help="passed on to mdcore run")
    arguments = parser.parse_args()
    print(common.machine())
    rows, found = [], []
    for seed in range(1, arguments.seeds + 1):
        result, seconds = run(seed, arguments.set)
        g, d = result["rdf"], result["diffusion"]["Ar"]
        found.append((g["peak"], 1e5 * d["coefficient"]))
        rows.append(
            (f"mdcore, seed {seed}", f"{g['peak']:.3f} +- {g['peak_error']:.3f}", f"{g['peak_height']:.2f}",
             f"{1e5 * d['coefficient']:.2f} +- {1e5 * d['error']:.2f}", f"{seconds:.0f}")
        )  # fmt: skip
    if len(found) > 1:
        mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
        peak, d = (f"{mean[k]:.{3 - k}f} +- {error[k]:.{3 - k}f}" for k in range(2))
        rows.append(("mean of seeds", peak, "", d, ""))
    rows.append(("Rahman (1964)", "3.7", "", "2.43", ""))
    print(common.table(("", "first peak of g(r), Angstrom", "height", "D, 1e-5 cm2/s", "wall s"), rows))


if __name__ == "__main__":
    main()
