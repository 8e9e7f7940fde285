"""What can go wrong, and with which exit code does the command then end?

``str(error)`` is the one message the user sees: where, what, and a cure.
"""


class MdcoreError(Exception):
    """Base of every error mdcore raises on purpose."""

    exit_code = 1
    collective = False  # do all ranks raise it?

    def everywhere(self) -> "MdcoreError":
        """The same error, raised by all ranks together."""
        self.collective = True
        return self


class InputError(MdcoreError):
    """Bad input; the message names file, section, key, value and cure (several lines: several errors)."""

    exit_code = 2
    key = ""  # of the section in question, where who raises it knows

    def of_key(self, key: str) -> "InputError":
        """The same error, about this key."""
        self.key = key
        return self


class SimulationError(MdcoreError):
    """The physics broke down (blow-up, lost atom, overlap); the message names atom tag, step and cure."""

    exit_code = 3


class OutputError(MdcoreError):
    """Results can't be written or read back (full disk, existing files, broken checkpoint)."""

    exit_code = 4


class ExtrapolationError(SimulationError):
    """Atoms left the range a network was trained on, and the input says to stop; a checkpoint is written first."""

    exit_code = 5


class DisagreementError(ExtrapolationError):
    """The members of a committee disagree, and the input says to stop; a checkpoint is written first."""


class BrokenBondError(ExtrapolationError):
    """A bond of the start is broken, and the input says to stop; a checkpoint is written first."""


class Interrupted(MdcoreError):
    """A signal asked to stop; a checkpoint was written first. 75 is EX_TEMPFAIL of sysexits.h: try again."""

    exit_code = 75
