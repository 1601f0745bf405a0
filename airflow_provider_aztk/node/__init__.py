"""Room 3: the code that runs on a cluster's nodes; standard library only, Python 3.8 or later (see contract)."""
