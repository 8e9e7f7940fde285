"""How are the C kernels built?  Once for each CPU level (and precision), then linked into one extension a family."""

import os
import platform
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.errors import CompileError, LinkError

SOURCE = Path("ext")
X86 = platform.machine().lower() in ("x86_64", "amd64", "x64")
LEVELS = {"baseline": []}
if X86:
    LEVELS["baseline"] = ["-O1"]  # for machines that are rare by now; -O3 takes the compiler three times as long
    LEVELS["avx2"] = ["-mavx2", "-mfma"]
    LEVELS["avx512"] = ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mavx512cd", "-mfma"]

# -ffp-contract=off: bits must not depend on where the compiler saw a fused multiply-add.
# -g0: Python's own flags have -g, which takes the compiler half as long again.
FLAGS = ["-std=gnu11", "-O3", "-g0", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
FLAGS += ["-fvisibility=hidden"]
FLAGS += ["-Wno-psabi"] if sys.platform.startswith("linux") else []
OWN_FLAGS = os.environ.get("MDCORE_CFLAGS", "").split()

# kinds of descriptors: networks/NAME.c each
DESCRIPTORS = re.findall(r"^    DESCRIPTOR\((\w+)\)", (SOURCE / "networks/descriptors.h").read_text(), re.MULTILINE)
# extension: the prefix of its tables of kernels (dispatch.c), and what is compiled for each level: sources, macros
FAMILIES = {
    "mdcore.doors._kernels": ("md", [("kernels.c", [])]),
    "mdcore.doors._hdnnp": (
        "hd",
        [("networks/hdnnp.c", [])]
        + [(f"networks/{n}.c", [("MD_BITS", bits)]) for n in DESCRIPTORS for bits in ("64", "32")],
    ),
    "mdcore.doors._density": (
        "dn",
        [("density/density.c", [])] + [("density/channels.c", [("MD_BITS", bits)]) for bits in ("64", "32")],
    ),
}  # fmt: skip
THREADED = ("hd", "dn")  # the families that use OpenMP


class BuildKernels(build_ext):
    """build_ext that compiles the kernels of an extension once a CPU level.

    Those of all extensions at once, as many as there are processors, while Cython and the compiler make the doors.
    """

    def build_extensions(self):
        with ThreadPoolExecutor(os.cpu_count()) as self.pool:  # each waits for a compiler
            self.kernels = {ext.name: self.begun(ext) for ext in self.extensions}
            super().build_extensions()

    def begun(self, ext):
        """The compilations of an extension's kernels, which go on in the pool."""
        family, units = FAMILIES[ext.name]
        threads = self.openmp() if family in THREADED else []
        temp = Path(self.build_temp) / family

        def compiled(level, source, macros):
            return self.compiler.compile(
                [str(SOURCE / source)],
                output_dir=str(temp / "-".join([level, *(value for _, value in macros)])),
                include_dirs=[str(SOURCE)],
                macros=[("MD_LEVEL", level), *macros],
                extra_postargs=FLAGS + LEVELS[level] + threads + OWN_FLAGS,
                depends=ext.depends,
            )

        return [self.pool.submit(compiled, level, *unit) for level in LEVELS for unit in units]

    def build_extension(self, ext):
        family, _ = FAMILIES[ext.name]
        objects = [name for task in self.kernels[ext.name] for name in task.result()]
        objects += self.compiler.compile(
            [str(SOURCE / "core/dispatch.c")],
            output_dir=str(Path(self.build_temp) / family),
            include_dirs=[str(SOURCE)],
            macros=[("MD_FAMILY", family)] + ([("MD_X86_LEVELS", "1")] if X86 else []),
            extra_postargs=FLAGS + OWN_FLAGS,
            depends=ext.depends,
        )
        ext.extra_objects = objects
        ext.extra_link_args = self.openmp() if family in THREADED else []
        super().build_extension(ext)

    def openmp(self):
        """-fopenmp, if compiler and linker take it; without it the kernels run on one thread."""
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder) / "probe.c"
            probe.write_text("int main(void)\n{\n#pragma omp parallel\n    ;\n    return 0;\n}\n")
            try:
                objects = self.compiler.compile([str(probe)], output_dir=folder, extra_postargs=["-fopenmp"])
                self.compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=["-fopenmp"])
            except (CompileError, LinkError):
                print("no OpenMP: network potentials will run on one thread")
                return []
        return ["-fopenmp"]


class WithShipped(build_py):
    """build_py that puts what `mdcore init` writes beside inputs into the package (mdcore/shipped.py)."""

    def run(self):
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "mdcore" / "shipped"
            target.mkdir(parents=True, exist_ok=True)
            for path in ("potentials/silicon.h5", "potentials/water_PBE0-TS.h5", "inputs/water.extxyz"):
                shutil.copy(path, target)


def included(sources: list[str]) -> set[str]:
    """The files that `sources` include, these and dispatch.c among them."""
    found, queue = set(), [SOURCE / name for name in (*sources, "core/dispatch.c")]
    while queue:
        path = queue.pop()
        if str(path) not in found:
            found.add(str(path))
            queue += [SOURCE / name for name in re.findall(r'^#include "(.+)"', path.read_text(), re.MULTILINE)]
    return found


setup(
    ext_modules=[
        Extension(
            name,
            [name.replace(".", "/") + ".pyx"],
            include_dirs=[str(SOURCE)],
            depends=sorted(
                included([source for source, _ in units]) | {str(path) for path in Path("mdcore/doors").glob("*.pxi")}
            ),
            extra_compile_args=["-std=gnu11", "-O1", "-g0", *OWN_FLAGS],  # doors compute nothing
            libraries=["m"],
        )
        for name, (_, units) in FAMILIES.items()
    ],
    cmdclass={"build_ext": BuildKernels, "build_py": WithShipped},
)
