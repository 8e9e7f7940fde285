"""From an input file to frozen, validated settings: `load(path, overrides)`."""

from mdcore.config.check import validate_species
from mdcore.config.load import load, parse
from mdcore.config.settings import Settings

__all__ = ["Settings", "load", "parse", "validate_species"]
