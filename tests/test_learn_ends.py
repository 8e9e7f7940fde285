"""Does a campaign that can't go on say so?"""

import json
from pathlib import Path

import pytest

from mdcore.base.errors import MdcoreError
from mdcore.learn.base import Explorer, Found
from tests.learn_parts import Shake, campaign, prepare, train_here


class Stuck(Explorer):
    """Comes home with nothing. lost : did it lose its way?"""

    def __init__(self, name: str, lost: bool = True):
        self.name, self.lost = name, lost

    def explore(self, visit) -> Found:
        return Found(ended="the first structure: members disagree by 7", lost=self.lost)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)


def run(explorers, restart=False, **sections):
    campaign(train=train_here, explorers=explorers, sections=sections).run(restart=restart)


def why() -> str:
    events = map(json.loads, Path("campaign/campaign.jsonl").read_text().splitlines())
    return [event["why"] for event in events if event["event"] == "end"][-1]


def test_with_every_explorer_lost_and_nothing_met():
    """It fails, also where it goes on, whatever ended it."""
    said = (
        r"campaign.jsonl: in generation 1 every explorer was lost, .*\(hop: the first .* by 7; far: the first .*\): "
        "widen their limits .* --overwrite"
    )
    for restart in (False, True):
        with pytest.raises(MdcoreError, match=said) as error:
            run([Stuck("hop"), Stuck("far")], restart)
        assert "nothing was met" in why() and error.value.exit_code
    only = {"campaign": {"generations": 1, "directory": "once"}}
    with pytest.raises(MdcoreError, match="every explorer was lost"):
        run([Stuck("hop")], **only)


def test_with_one_that_was_not_lost_or_met_something():
    """It ends as it should: there is nothing to learn, or there was."""
    run([Stuck("hop"), Stuck("far", lost=False)])
    assert "nothing was met" in why()
    sections = {"campaign": {"generations": 1, "directory": "other"}}
    run([Stuck("hop"), Shake("hot", 0.1)], **sections)
