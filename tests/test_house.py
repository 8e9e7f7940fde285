"""Is the picture of the house that of the code?"""

import importlib.util

from tests.test_architecture import ROOT, table

DOCS = ROOT / "docs"


def drawing():
    spec = importlib.util.spec_from_file_location("house", DOCS / "house.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_of_this_house():
    text = (DOCS / "images" / "house.svg").read_text()
    assert text == drawing().picture(), "draw it anew: python docs/house.py > docs/images/house.svg"


def test_all_arrows_go_down():
    house = drawing()
    arrows = house.arrows(table())
    assert len(arrows) > 100 and [pair for pair in arrows if pair[0] < pair[1]] == []
