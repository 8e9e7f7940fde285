"""Do pictures of a campaign show what they are given?"""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from mdcore.learn.chart import SCALE, Picture, shade, ticks

SVG = "{http://www.w3.org/2000/svg}"


def elements(path):
    root = ElementTree.parse(path).getroot()
    return [own.text for own in root.iter(f"{SVG}text")], list(root.iter(f"{SVG}path"))


def places(path) -> list[list[float]]:
    """Points of a path where a pen is set down or led to."""
    return [list(map(float, own)) for own in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.get("d"))]


def test_points_lie_where_the_ticks_say(tmp_path):
    """Ticks and data follow one law, on linear and on logarithmic axes."""
    picture = Picture(500, 400, "<a> & \x07b")
    panel = picture.panel(x="x", y="y", log="y")
    panel.points([1.0, 3.0], [0.1, 40.0], "#123456")
    picture.save(tmp_path / "a.svg")
    told, paths = elements(tmp_path / "a.svg")
    assert told[0] == "<a> & \\x07b" and {"x", "y", "1", "2", "3", "0.1", "10"} <= set(told)
    (x1, y1), (x3, y40) = next(places(own) for own in paths if own.get("stroke") == "#123456")
    words = list(ElementTree.parse(tmp_path / "a.svg").getroot().iter(f"{SVG}text"))
    along = {own.text: float(own.get("x")) for own in words if own.get("text-anchor") == "middle"}
    up = {own.text: float(own.get("y")) - 4 for own in words if own.get("text-anchor") == "end"}
    assert (x1, x3) == pytest.approx((along["1"], along["3"]), abs=0.11)
    assert y1 == pytest.approx(up["0.1"], abs=0.11)
    decade = (up["10"] - up["0.1"]) / 2
    assert y40 == pytest.approx(up["10"] + decade * np.log10(4.0), abs=0.3) and y40 < y1


def test_what_is_no_number_breaks_a_line_and_marks_no_point(tmp_path):
    picture = Picture(500, 400)
    panel = picture.panel(x="x", y="y", log="y")
    y = [1.0, 2.0, np.nan, 3.0, 0.0]
    panel.line(range(5), y, "#111111", "own")
    panel.points(range(5), y, "#333333", "own", mark="up")
    picture.save(tmp_path / "a.svg")
    told, paths = elements(tmp_path / "a.svg")
    line = next(own.get("d") for own in paths if own.get("stroke") == "#111111")
    marks = next(own.get("d") for own in paths if own.get("fill") == "#333333")
    assert (line.count("M"), line.count("L")) == (2, 1) and marks.count("z") == 3 and told.count("own") == 1


def test_a_legend_is_in_the_emptiest_corner_or_beside(tmp_path):
    for beside in (0.0, 120.0):
        picture = Picture(500, 400)
        panel = picture.panel(x="x", y="y", beside=beside)
        x = np.linspace(0.0, 1.0, 200)
        for y in (np.ones(200), np.where(x < 0.5, 0.0, np.nan)):
            panel.line(x, y, "#111111", "own")
        picture.save(tmp_path / "a.svg")
        words = ElementTree.parse(tmp_path / "a.svg").getroot().iter(f"{SVG}text")
        own = next(own for own in words if own.text == "own")
        right = panel.frame[1]
        assert (float(own.get("x")) > right) == bool(beside)
        if not beside:
            assert float(own.get("x")) > 250.0 and float(own.get("y")) > 200.0


def test_nothing_at_all_and_a_single_value_can_be_drawn(tmp_path):
    for values in ([], [2.0], [0.0], [-3.0, -3.0]):
        for log in ("", "xy"):
            picture = Picture(300, 200)
            panel = picture.panel(x="x", y="y", log=log)
            panel.points(values, values, "#111111", "a")
            panel.level(1.0, "target")
            picture.save(tmp_path / "a.svg")
            assert "nan" not in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize(
    ("ends", "how", "expected"),
    [
        ((0.0, 1.0), {}, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ((-31.0, 29.0), {}, [-20.0, 0.0, 20.0]),
        ((0.0, 2.0), {"whole": True}, [0.0, 1.0, 2.0]),
        ((0.9, 30.0), {"log": True}, [1.0, 2.0, 5.0, 10.0, 20.0]),
        ((0.5, 2000.0), {"log": True}, [1.0, 10.0, 100.0, 1000.0]),
        ((11.0, 18.0), {"log": True}, [12.0, 14.0, 16.0, 18.0]),
    ],
)
def test_ticks_are_round(ends, how, expected):
    assert ticks(*ends, **how) == pytest.approx(expected)


def test_colours_go_from_one_end_of_the_scale_to_the_other():
    assert [shade(k / 4) for k in range(5)] == list(SCALE) and shade(7.0) == SCALE[-1]
    assert shade(0.125) == "#402a70"
