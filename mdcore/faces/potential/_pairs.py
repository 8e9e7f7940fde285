"""Sections of pairs of species, [[potential.pair]]."""

from collections.abc import Iterator


def repeated(pairs) -> Iterator[tuple[str, str]]:
    """Complaints about pairs of species that were given before."""
    seen = set()
    for i, pair in enumerate(pairs):
        key = frozenset(pair.species)
        if key in seen:
            yield f"pair.{i}.species", "this pair was given before; keep one of the two"
        seen.add(key)
