"""Functions of Python files and calculators of ASE by name, for input files.

Both can be sent to other processes by their names: rank 0, which calls them, is alone in needing the real ones.
"""

import inspect
import os
import sys
from importlib import import_module

from mdcore.base.errors import InputError
from mdcore.base.files import read_text


class FileFunction:
    """A function in a Python file; InputError if the file fails or has none of that name."""

    def __init__(self, path: str, name: str):
        self.path, self.__name__ = os.path.abspath(path), name
        self._function = self._load()

    def __getstate__(self):
        return self.path, self.__name__

    def __setstate__(self, state):
        (self.path, self.__name__), self._function = state, None

    def _load(self):
        text, name = read_text(self.path, "a Python file"), self.__name__
        folder = os.path.dirname(self.path)
        if folder not in sys.path:
            sys.path.append(folder)  # it may import what lies beside it, as a script may
        space = {"__name__": os.path.splitext(os.path.basename(self.path))[0], "__file__": self.path}
        try:
            exec(compile(text, self.path, "exec"), space)
        except (Exception, SystemExit) as error:  # a user's file raises what it likes
            raise InputError(f"{self.path} failed: {type(error).__name__}: {error}").of_key("file") from error
        if not callable(space.get(name)):
            own = [key for key, value in space.items() if inspect.isfunction(value) and key[0] != "_"]
            told = f"{self.path} has no function {name}; it has {', '.join(own) or 'none'}"
            raise InputError(told).of_key("function")
        return space[name]

    @property
    def __signature__(self):
        return inspect.signature(self._function)

    def __call__(self, **arguments):
        if self._function is None:
            self._function = self._load()
        return self._function(**arguments)


class NamedCalculator:
    """A calculator of ASE by what it is called there ("emt"), or as "module:class"; InputError if it can't be made.

    arguments : of the class
    """

    def __init__(self, name: str, arguments: dict | None = None):
        self.name, self.arguments = name, dict(arguments or {})
        self._calculator = self._make()
        self.implemented_properties = tuple(self._calculator.implemented_properties)

    def __getstate__(self):
        return self.name, self.arguments, self.implemented_properties

    def __setstate__(self, state):
        (self.name, self.arguments, self.implemented_properties), self._calculator = state, None

    def _make(self):
        try:
            from ase.calculators.calculator import get_calculator_class
        except ImportError:
            raise InputError('a calculator of ASE needs ASE: pip install "mdcore[ase]"') from None
        module, _, name = self.name.rpartition(":")
        try:
            kind = getattr(import_module(module), name) if module else get_calculator_class(name.lower())
        except (ImportError, AttributeError, ValueError) as error:
            raise InputError(
                f'no calculator {self.name!r} ({error}); expected a name that ASE knows, such as "emt", or '
                '"module:class" of a package that is installed'
            ).of_key("calculator") from None
        try:
            made = kind(**self.arguments)
        except Exception as error:  # calculators raise what they like
            told = f"{self.name}: {type(error).__name__}: {error}; check its arguments"
            raise InputError(told).of_key("arguments") from error
        if not hasattr(made, "get_property"):
            raise InputError(f"{self.name} is no calculator of ASE").of_key("calculator")
        return made

    def get_property(self, name, atoms=None, allow_calculation=True):
        """As of ASE's calculators."""
        if self._calculator is None:
            self._calculator = self._make()
        return self._calculator.get_property(name, atoms, allow_calculation)
