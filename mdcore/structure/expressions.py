"""Which atoms are meant by 'z > 10 and species == "Cu"'? A small language over the columns of a structure.

Numbers, words in quotes, names of columns, + - * / % **, comparisons, in, and, or, not, a few functions. It is read by
Python's own parser and computed here, node by node: nothing of it is ever run as Python.
"""

import ast
import difflib
import operator

import numpy as np

from mdcore.base.errors import InputError

LONGEST = 1000  # characters
ARITHMETIC = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
COMPARE = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip
ONES = {"abs": np.abs, "sqrt": np.sqrt, "floor": np.floor}
OFFERED = "numbers, words in quotes, columns, + - * / % **, < <= > >= == !=, in (...), and, or, not, abs, sqrt, floor"


def chosen(text: str, names: dict, distance=None) -> np.ndarray:
    """bool [n], the atoms for which an expression holds; InputError.

    names : {name: a number or word of each atom, [n], or several, [n, k]}; distance : (x, y, z) -> float64 [n]
    """
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        raise InputError(f"{text!r:.80}: expected an expression of up to {LONGEST} characters, e.g. 'z > 10'")
    it = _Expression(text, names, distance)
    try:
        tree = ast.parse(text.strip(), mode="eval")
        with np.errstate(all="ignore"):
            found = it.value(tree.body)
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{text!r}: {getattr(error, 'msg', error)}; it knows {OFFERED}") from None
    except (RecursionError, MemoryError):
        raise InputError(f"{text!r:.80}: too many brackets within brackets") from None
    if not isinstance(found, np.ndarray) or found.dtype != np.bool_ or found.ndim != 1:
        raise InputError(f"{text!r}: this is no condition; compare something, e.g. 'z > 10'")
    return found


class _Expression:
    def __init__(self, text, names, distance):
        self.text, self.names, self.distance = text, names, distance

    def wrong(self, node, what: str) -> InputError:
        part = ast.get_source_segment(self.text.strip(), node) or ""
        where = f"{self.text!r}" if part in ("", self.text.strip()) else f"{self.text!r}: {part}"
        return InputError(f"{where}: {what}")

    def value(self, node):
        """Of a node: float, str, or an array of each atom."""
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str):
            return self._constant(node)
        if isinstance(node, ast.Name):
            return self._column(node)
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise self.wrong(node, f"not known here; it knows {OFFERED}")
        return method(node)

    def _constant(self, node):
        if isinstance(node.value, str | bool):
            return node.value if isinstance(node.value, str) else np.bool_(node.value)
        try:
            return np.float64(node.value)
        except OverflowError:
            raise self.wrong(node, "too large a number") from None

    def _column(self, node):
        if node.id in self.names:
            return self.names[node.id]
        close = difflib.get_close_matches(node.id, self.names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(self.names)}"
        if node.id == "charge":
            hint = "the structure has no charges"
        raise self.wrong(node, f"no column of that name; {hint} (words stand in quotes)")

    def _subscript(self, node):
        column, place = self.value(node.value), node.slice
        width = column.shape[1] if isinstance(column, np.ndarray) and column.ndim == 2 else 0
        if not (isinstance(place, ast.Constant) and type(place.value) is int and 0 <= place.value < width):
            raise self.wrong(node, f"expected one of its {width} numbers, e.g. [0]" if width else "this is one number")
        return column[:, place.value]

    def number(self, node):
        value = self.value(node)
        if isinstance(value, str) or value.dtype.kind not in "bif":
            raise self.wrong(node, "expected a number")
        if value.ndim == 2:
            raise self.wrong(node, f"{value.shape[1]} numbers of each atom; choose one, e.g. [0]")
        return value if value.dtype.kind == "b" else value.astype(np.float64)

    def truth(self, node):
        value = self.value(node)
        if isinstance(value, str) or value.dtype != np.bool_ or value.ndim > 1:
            raise self.wrong(node, "expected a condition, such as z > 10")
        return value

    def _binop(self, node):
        if type(node.op) not in ARITHMETIC:
            cure = {ast.BitAnd: "and", ast.BitOr: "or"}.get(type(node.op))
            raise self.wrong(node, f"write {cure}" if cure else f"not known here; it knows {OFFERED}")
        left, right = (np.asarray(self.number(side), dtype=np.float64)[()] for side in (node.left, node.right))
        return ARITHMETIC[type(node.op)](left, right)

    def _unaryop(self, node):
        if isinstance(node.op, ast.Not):
            return ~self.truth(node.operand)
        if isinstance(node.op, ast.Invert):
            raise self.wrong(node, "write not")
        value = np.asarray(self.number(node.operand), dtype=np.float64)[()]
        return -value if isinstance(node.op, ast.USub) else value

    def _boolop(self, node):
        parts = [self.truth(part) for part in node.values]
        both = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        found = parts[0]
        for part in parts[1:]:
            found = both(found, part)
        return found

    def _compare(self, node):
        sides, found = [node.left, *node.comparators], None
        for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
            one = self._member(left, op, right) if isinstance(op, ast.In | ast.NotIn) else self._pair(left, op, right)
            found = one if found is None else found & one
        return found

    def _pair(self, left, op, right):
        if type(op) not in COMPARE:
            raise self.wrong(right, f"not known here; it knows {OFFERED}")
        values = [self.value(left), self.value(right)]
        if all(isinstance(value, str) or value.dtype.kind == "U" for value in values):
            if not isinstance(op, ast.Eq | ast.NotEq):
                raise self.wrong(right, "words are equal or not (== and !=)")
            values = [np.asarray(value) for value in values]
        else:
            values = [self.number(left), self.number(right)]
        return COMPARE[type(op)](*values)

    def _member(self, left, op, right):
        value = np.asarray(self.value(left))
        if isinstance(right, ast.Call) and getattr(right.func, "id", "") == "range" and 0 < len(right.args) < 4:
            bounds = [self.number(arg) for arg in right.args]
            if not all(bound.ndim == 0 and bound == np.rint(bound) and abs(bound) < 2**53 for bound in bounds):
                raise self.wrong(right, "expected whole numbers")
            whole = range(*map(int, bounds))
            members = np.array(whole) if len(whole) <= 10**8 else None
            if members is None:
                raise self.wrong(right, "too many numbers; compare, e.g. 10 <= index < 20")
        elif isinstance(right, ast.Tuple | ast.List | ast.Set):
            members = [self.value(part) for part in right.elts]
            if any(isinstance(part, np.ndarray) for part in members):
                raise self.wrong(right, "expected numbers or words")
        else:
            raise self.wrong(right, 'expected a list, e.g. species in ("O", "H"), index in range(10, 20)')
        words = [isinstance(part, str) for part in members] if isinstance(members, list) else [False]
        if value.ndim > 1 or any(word != (value.dtype.kind == "U") for word in words):
            raise self.wrong(right, "expected words for words, numbers for numbers")
        found = np.isin(value, members)
        return ~found if isinstance(op, ast.NotIn) else found

    def _call(self, node):
        name = getattr(node.func, "id", "")
        if not node.keywords and name == "distance" and len(node.args) == 3 and self.distance is not None:
            point = [self.number(arg) for arg in node.args]
            if any(part.ndim or not np.isfinite(part) for part in point):
                raise self.wrong(node, "expected three numbers, a point")
            return self.distance(*map(float, point))
        if node.keywords or name not in ONES or len(node.args) != 1:
            raise self.wrong(node, f"no function; there are {', '.join(ONES)} of a number, distance(x, y, z)")
        return ONES[name](np.asarray(self.number(node.args[0]), dtype=np.float64)[()])
