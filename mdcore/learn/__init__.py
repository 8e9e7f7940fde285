"""Active learning: ``from mdcore.learn import Campaign`` (campaign.py), which is loaded when it is used."""

__all__ = ["Campaign"]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module 'mdcore.learn' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("mdcore.learn.campaign"), name)
