"""Do README and docs say what works? Every block of them is run."""

import os
import re

import pytest

from tests.documents import ROOT, Session, blocks, scratch_copy
from tests.mpi import needs_mpi

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
pytestmark = needs_mpi


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if blocks(path)], ids=lambda path: path.stem)
def test_every_block_works(path, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    session = Session(scratch_copy(tmp_path), path)
    for line, language, text in blocks(path):
        session.play(line, language, text)


def test_a_wrong_block_is_noticed(tmp_path):
    session = Session(scratch_copy(tmp_path), ROOT / "README.md")
    wrong = [
        ("sh", "mdcore run inputs/none.toml\n"),
        ("python", "import mdcore\nmdcore.none\n"),
        ("toml", "[potential]\n"),
        ("toml", "# a.toml\n[[stage]]\nensemble = 'nve'\n"),
    ]
    for language, text in wrong:
        with pytest.raises((AssertionError, AttributeError)):
            session.play(1, language, text)
    session.play(1, "sh", "$ mdcore check inputs/none.toml\n")
    with pytest.raises(AssertionError):
        session.play(1, "", "the input is right\n")


LINK = re.compile(r"(?<!!)\]\(([^)\s:]+)\)|!\[[^\]]*\]\(([^)\s:]+)\)")


def anchors(path):
    """What GitHub makes of the headings of a page."""
    code = re.sub(r"(?ms)^```.*?^```", "", path.read_text(encoding="utf-8"))
    headings = (re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", h) for h in re.findall(r"(?m)^#+ (.*)$", code))
    return {re.sub(r"[^\w\- ]", "", h.strip().lower()).replace(" ", "-") for h in headings}


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("potentials/*.md"), *ROOT.glob("inputs/**/*.md")]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for found in LINK.finditer(re.sub(r"(?ms)^```.*?^```", "", path.read_text(encoding="utf-8"))):
        target, _, anchor = (found[1] or found[2]).partition("#")
        page = (path.parent / target).resolve() if target else path
        assert page.exists(), found[0]
        assert not anchor or anchor in anchors(page), found[0]
