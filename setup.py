"""How are the C kernels built?  Once for each CPU level, then linked into one extension a family."""

import os
import platform
import re
import sys
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

SOURCE = Path("ext")
X86 = platform.machine().lower() in ("x86_64", "amd64", "x64")
LEVELS = {"baseline": []}
if X86:
    LEVELS["avx2"] = ["-mavx2", "-mfma"]
    LEVELS["avx512"] = ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mavx512cd", "-mfma"]

# -ffp-contract=off: bits must not depend on where the compiler saw a fused multiply-add.
FLAGS = ["-std=gnu11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden"]
FLAGS += ["-Wno-psabi"] if sys.platform.startswith("linux") else []
FLAGS += os.environ.get("MDCORE_CFLAGS", "").split()


# extension: its kernels in one source, and the prefix of their tables (dispatch.c)
FAMILIES = {"mdcore._kernels": ("kernels.c", "md"), "mdcore._hdnnp": ("hdnnp.c", "hd")}
THREADED = ("hd",)  # the families that use OpenMP


class BuildKernels(build_ext):
    """build_ext that compiles the kernels of an extension once a CPU level."""

    def build_extension(self, ext):
        objects = []
        source, family = FAMILIES[ext.name]
        threads = self.openmp() if family in THREADED else []
        temp = Path(self.build_temp) / family
        for level, flags in LEVELS.items():
            objects += self.compiler.compile(
                [str(SOURCE / source)],
                output_dir=str(temp / level),
                include_dirs=[str(SOURCE)],
                macros=[("MD_LEVEL", level)],
                extra_postargs=FLAGS + flags + threads,
                depends=ext.depends,
            )
        objects += self.compiler.compile(
            [str(SOURCE / "dispatch.c")],
            output_dir=str(temp),
            include_dirs=[str(SOURCE)],
            macros=[("MD_FAMILY", family)] + ([("MD_X86_LEVELS", "1")] if X86 else []),
            extra_postargs=FLAGS,
            depends=ext.depends,
        )
        ext.extra_objects = objects
        ext.extra_link_args = threads
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


def included(source: Path) -> set[str]:
    """The files that `source` includes, itself and dispatch.c among them."""
    found, queue = set(), [source, SOURCE / "dispatch.c"]
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
            depends=sorted(included(SOURCE / source)),
            extra_compile_args=["-std=gnu11", "-O2"],
            libraries=["m"],
        )
        for name, (source, _) in FAMILIES.items()
    ],
    cmdclass={"build_ext": BuildKernels},
)
