"""A command as an oracle."""

import os
import shutil
from dataclasses import dataclass

from mdcore.base.errors import InputError
from mdcore.faces.oracle._base import OracleSettings
from mdcore.faces.schema import Text, setting


@dataclass(frozen=True, kw_only=True)
class Settings(OracleSettings):
    """A command that reads a structure and writes it with labels, both as extended xyz. It is started in a folder of
    its own, without a shell in between."""

    command: str = setting(
        Text(),
        "The command. `{here}` becomes the folder of this input, `{input}` and `{output}` the paths of the file to "
        "read and of the file to write: the same atoms in the same order, with `energy`, `forces` and perhaps "
        "`stress`; `converged=F` beside the energy says that it gave up.",
        example="python {here}/dft.py {input} {output}",
    )
    unconverged: str | None = setting(
        Text(),
        "What the command prints when it did not converge.",
        default=None,
        default_text="`converged=F` alone says so",
        example="SCF NOT CONVERGED",
    )
    keep: str | None = setting(
        Text(),
        "A folder, relative to the input file, in which the folders of all calculations stay.",
        default=None,
        default_text="they are temporary",
        example="calculations",
    )

    def build(self, whole):
        from mdcore.learn.oracles import CommandOracle

        keep = whole.beside(self.keep) if self.keep else None
        oracle = CommandOracle(self.command, self.unconverged, keep, whole.beside("."))
        program = oracle.words[0]
        plain = os.path.isabs(program) or not os.path.dirname(program)  # others: from the folder of each calculation
        if plain and whole.label.executor == "processes" and shutil.which(program) is None:
            raise InputError(f"no program {program}; is it installed, and on the PATH?").of_key("command")
        return oracle
