"""Tests that start ranks run one after the other: two at a time would wait for each other's processors."""

import pytest


def pytest_itemcollected(item):
    if item.get_closest_marker("mpi"):
        item.add_marker(pytest.mark.xdist_group("ranks"))
