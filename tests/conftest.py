"""Which tests run side by side?

Each of two workers (./test) takes a file of tests after the other, so that what is made for a file is made once. Tests
that start ranks run one after the other: two at a time would wait for each other's processors. They are the first, and
files that take long are the next, so that at the end nobody waits for one of them.
"""

import pytest

from mdcore.doors import _kernels

LONG = ("test_contract", "test_ensembles", "test_extending", "test_verify", "test_motion", "test_inputs", "test_fuzz")


@pytest.fixture(params=_kernels.cpu_levels())
def level(request):
    """With the kernels of each CPU level that there is."""
    _kernels.select_cpu(request.param)
    yield request.param
    _kernels.select_cpu()


def pytest_itemcollected(item):
    if item.get_closest_marker("mpi"):
        item.add_marker(pytest.mark.xdist_group("ranks"))


def pytest_collection_modifyitems(items):
    items.sort(key=turn)


def turn(item) -> int:
    if item.get_closest_marker("mpi"):
        return -1
    return LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class Files(LoadGroupScheduling):
        """As they are collected, not the largest first."""

        def _split_scope(self, nodeid: str) -> str:
            group = super()._split_scope(nodeid)
            return nodeid.split("::")[0] if group == nodeid else group

    config.option.loadscopereorder = False
    return Files(config, log)
