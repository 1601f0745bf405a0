"""The code that runs on a cluster's nodes: standard library only, Python 3.8 or later; see :mod:`.contract`."""
