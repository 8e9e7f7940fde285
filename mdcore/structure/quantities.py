"""Which entry of a structure is meant, and what energy or stress does it hold?"""

import numpy as np

from mdcore.base.errors import InputError

VOIGT = "xx yy zz yz xz xy"
AXES = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "yz": (1, 2), "xz": (0, 2), "xy": (0, 1)}
TOTALS = ("charge", "total_charge")  # entries that say the charge of a structure, e
SPINS = ("spin", "total_spin", "multiplicity", "spin_multiplicity")  # its spin, as a calculator of ASE counts it
ASYMMETRIC = 1e-3  # of the norm of a tensor: if xy and yx differ by more, it is no rounding


def pick(entries: dict, names, what: str, where: str, *, exact: bool = False):
    """(name, value) of the entry under one of `names`, (None, None) without. Capitals don't count unless `exact`.

    InputError if several are there and differ.
    """
    folded = {name.lower() for name in names}
    found = [name for name in entries if (name in names if exact else name.lower() in folded)]
    found = [name for name in found if entries[name] is not None]
    if not found:
        return None, None
    for other in found[1:]:
        if not _same(entries[found[0]], entries[other]):
            raise InputError(
                f"{where}: {' and '.join(found)} are there and differ; say which one counts, e.g. {what} = "
                f'"{found[0]}", or keep one'
            )
    return found[0], entries[found[0]]


def total_charge(info: dict) -> float:
    """The charge of a structure, e, among its entries; 0 without one, nan for no number."""
    try:
        _, value = pick(info, TOTALS, "charge", "structure")
        return 0.0 if value is None else float(value)
    except (InputError, TypeError, ValueError):
        return float("nan")


def totals(info: dict) -> dict:
    """What the entries of a structure say of the whole, by their own names: charge, e (nan: no number), and spin."""
    found = {}
    for key, value in info.items():
        if str(key).lower() in (*TOTALS, *SPINS) and value is not None:
            try:
                found[key] = int(float(value)) if float(value).is_integer() else float(value)
            except (TypeError, ValueError):
                found[key] = float("nan")
    return found


def spins(info: dict) -> dict:
    """What the entries of a structure say of its spin, by their own names."""
    return {key: value for key, value in totals(info).items() if str(key).lower() in SPINS}


def of_copies(info: dict, k: int) -> dict:
    """The entries of k copies of a structure: so much charge, and no spin, which does not simply add up."""
    own = {key: value for key, value in info.items() if str(key).lower() not in SPINS}
    return own | {key: k * own[key] for key in own if str(key).lower() in TOTALS and isinstance(own[key], int | float)}


class WithTotals:
    """What a System says of the whole, by its `info`."""

    @property
    def total_charge(self) -> float:
        """e: the entry "charge" or "total_charge", 0 without one, nan if it is no number."""
        return total_charge(self.info)

    @property
    def totals(self) -> dict:
        """Charge, e, and spin, as calculators of ASE count it, by their names there."""
        return totals(self.info)


def tell(atoms, found: dict) -> None:
    """ASE's Atoms are told the `totals` of their structure: in `info`, where calculators look that were trained on
    several charges and spins, and the charge as the sum of initial charges, by which tblite and others go. InputError
    """
    charge = total_charge(found)
    if any(not np.isfinite(value) for value in (charge, *found.values())):
        raise InputError(
            f"the structure says {', '.join(f'{key} = {value}' for key, value in found.items())}: a charge and a spin "
            "are one number each; correct it"
        )
    atoms.info |= found
    if charge:
        own = atoms.get_initial_charges()
        atoms.info["charge"] = totals({"charge": charge})["charge"]
        atoms.set_initial_charges(own + (charge - own.sum()) / len(own))


def _same(a, b) -> bool:
    try:
        return bool(np.array_equal(a, b))
    except ValueError:  # lists of lists of different lengths
        return False


def numbers(value, sizes: tuple[int, ...], where: str, *, finite: bool = True) -> np.ndarray:
    """The float64 [size] that an entry of a structure holds; InputError. where : file, structure and key"""
    try:
        array = np.asarray(value)
        array = array.astype(np.float64).ravel() if array.dtype.kind in "iuf" else np.empty(0)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0)
    if array.size not in sizes:
        expected = " or ".join(map(str, sizes))
        raise InputError(f"{where} = {shown(value)}: expected {expected} number{'s' if sizes != (1,) else ''}")
    if finite and not np.isfinite(array).all():
        raise InputError(f"{where} = {shown(value)}: not a finite number; repair or drop the structure")
    return array


def shown(value) -> str:
    """A value as messages quote it, on one line of bearable length."""
    text = " ".join(repr(value.tolist() if isinstance(value, np.ndarray) else value).split())
    return text if len(text) <= 80 else text[:77] + "..."


def tensor(values: np.ndarray, order: str = VOIGT) -> np.ndarray:
    """float64 [3, 3] of 9 numbers, a matrix, or of 6 in the order of the words in `order`."""
    if values.size == 9:
        return values.reshape(3, 3)
    matrix = np.empty((3, 3))
    for word, value in zip(order.split(), values, strict=True):
        a, b = AXES[word]
        matrix[a, b] = matrix[b, a] = value
    return matrix


def symmetric(matrix: np.ndarray) -> np.ndarray:
    """The symmetric part of [3, 3]: stress has no other, what else is there is rounding or a mistake."""
    return 0.5 * (matrix + matrix.T)


def voigt(matrix: np.ndarray) -> np.ndarray:
    """The symmetric part as xx yy zz yz xz xy."""
    return symmetric(matrix).ravel()[[0, 4, 8, 5, 2, 1]]


def asymmetry(matrix: np.ndarray) -> float:
    """The largest difference of xy and yx, xz and zx, yz and zy, in the norm of the tensor."""
    norm = float(np.linalg.norm(matrix))
    return float(np.abs(matrix - matrix.T).max()) / norm if norm > 0 else 0.0


def asymmetric(where: str, key: str, share: float, more: int = 0) -> str:
    """The warning for it."""
    others = f" (and {more} more)" if more else ""
    return (
        f"{where}{others}: {key} is not symmetric: off-diagonal numbers differ by {100 * share:.2g} % of its norm; "
        "the symmetric part is used. Is it the tensor that it is said to be?"
    )
