"""Running a piece of Python on several ranks, from pytest."""

import ctypes
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mdcore.verify.runs import PATIENT

ROOT = Path(__file__).resolve().parent.parent
MPIEXEC = next(
    (
        path
        for path in (Path(sys.executable).with_name("mpiexec"), shutil.which("mpiexec"))
        if path and Path(path).exists()
    ),
    None,
)

# who sleeps until a message comes looks for it each 0.3 ms, not each 0.05 ms; so do children: with more ranks than
# cores, 2 in 3 seconds were spent on looking
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(29, ctypes.c_ulong(300_000), 0, 0, 0)  # PR_SET_TIMERSLACK

needs_mpi = [
    pytest.mark.mpi,
    pytest.mark.skipif(
        MPIEXEC is None or importlib.util.find_spec("mpi4py") is None,
        reason='no MPI: pip install "mdcore[mpi]"',
    ),
]


def mpirun(
    ranks: int, *arguments, timeout: float = 900, check: bool = True, cwd=None, **environment
) -> subprocess.CompletedProcess:
    """Run `python <arguments>` on `ranks` ranks (more than cores: they sleep while they wait); one has no launcher."""
    environment = {
        **os.environ,
        **PATIENT,
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        **environment,
    }
    launcher = [str(MPIEXEC), "-n", str(ranks)] if ranks > 1 else []
    command = [*launcher, sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment, cwd=cwd)
    if check and done.returncode:
        raise AssertionError(
            f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
    return done


def commands(ranks: int, *each, **how) -> subprocess.CompletedProcess:
    """Run commands of mdcore, each a list of words, one after the other in one launch; the first that fails ends it."""
    return mpirun(ranks, "-m", "tests.commands", json.dumps([list(map(str, words)) for words in each]), **how)
