"""``python -m airflow_provider_aztk.local``: the command line of the local stack."""

from __future__ import annotations

import sys

from airflow_provider_aztk.local.stack.command import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
