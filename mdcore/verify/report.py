"""How is a measured promise reported?"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One promise: what was measured, what is allowed, and whether it holds.

    measured, limit : float or None; ok : None if it could not be measured, and `note` says why
    above : the limit is a least value, not a largest one
    """

    quantity: str
    measured: float | None = None
    limit: float | None = None
    ok: bool | None = None
    unit: str = ""
    note: str = ""
    above: bool = False

    @property
    def verdict(self) -> str:
        return {True: "ok", False: "FAIL", None: "skipped"}[self.ok]

    def __str__(self):
        number = "" if self.measured is None else f"{self.measured:.2e}"
        sign = ">" if self.above else "<"
        limit = "" if self.limit is None else f"{sign} {self.limit:.1e}"
        line = f"{self.quantity:<44} {number:>9} {limit:>9} {self.unit:<13} {self.verdict}"
        return line.rstrip() + (f": {self.note}" if self.note else "")


def at_most(quantity: str, measured: float, limit: float, unit: str = "", note: str = "") -> Row:
    """A row that holds if the (finite) measured number does not exceed the limit."""
    return Row(quantity, float(measured), float(limit), bool(measured <= limit), unit, note)


def skipped(quantity: str, reason: str) -> Row:
    return Row(quantity, note=reason)


def failed(rows) -> bool:
    """Did a promise break?"""
    return any(row.ok is False for row in rows)
