"""Draw the house of docs/architecture.md: python docs/house.py > docs/images/house.svg

A line a floor, the ground floor at the bottom. An arc goes down from a floor to one that it imports from (errors, which
all import, are left out); the more imports, the thicker; orange: from faces and commands.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.test_architecture import MODULES, imports, room_of, rooms, table

ROW, LEFT, TEXT = 19, 330, "font-family='sans-serif' font-size='12'"
FACES = ("faces/", "config/", "cli/", "__main__")


def arrows(plan: list[list[str]]) -> dict[tuple[int, int], int]:
    """{(from, to): imports} between lines of the table."""
    line_of = {room: k for k, words in enumerate(plan) for room in rooms(words)}
    found: dict[tuple[int, int], int] = {}
    for module, path in MODULES.items():
        for other in imports(path):
            pair = line_of[room_of(module, line_of)], line_of[room_of(other, line_of)]
            if pair[0] != pair[1] and other != "mdcore.base.errors":
                found[pair] = found.get(pair, 0) + 1
    return found


def picture() -> str:
    plan = table()
    height, width = ROW * (len(plan) + 2), LEFT + 6 * len(plan) + 40
    middle = [height - ROW * (k + 1.5) for k in range(len(plan))]
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'>",
        "<rect width='100%' height='100%' fill='white'/>",
    ]
    for (a, b), n in sorted(arrows(plan).items(), key=lambda pair: (pair[0][1] - pair[0][0], pair)):
        x, top, bottom = LEFT + 6 * abs(a - b), middle[a], middle[b]
        colour = "#e69f00" if set(plan[a]) & set(FACES) else "#0072b2"
        parts.append(
            f"<path d='M {LEFT} {top:g} C {x} {top:g}, {x} {bottom:g}, {LEFT} {bottom:g}' fill='none' "
            f"stroke='{colour}' stroke-opacity='0.45' stroke-width='{min(0.6 + 0.25 * n, 3.0):g}'/>"
        )
    for names, y in zip(plan, middle, strict=True):
        parts.append(f"<text x='{LEFT - 8}' y='{y + 4:g}' text-anchor='end' {TEXT}>{'  '.join(names)}</text>")
    parts.append(
        f"<text x='{LEFT - 8}' y='{height - 6}' text-anchor='end' {TEXT} fill='#666'>ext/: kernels in C, which know no "
        "Python</text>"
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    print(picture(), end="")
