"""Links from the Airflow UI to what runs on Azure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk._lazy import exports

if TYPE_CHECKING:  # what type checkers see; they know nothing of what is imported when it is asked for
    from airflow_provider_aztk.links.aztk import (
        AztkBatchJobLink,
        AztkBatchPoolLink,
        AztkDriverLogLink,
        AztkLink,
        AztkSparkUiLink,
    )

__all__ = [
    "AztkBatchJobLink",
    "AztkBatchPoolLink",
    "AztkDriverLogLink",
    "AztkLink",
    "AztkSparkUiLink",
]

if not TYPE_CHECKING:  # a checker would take every name that is not there for Any
    __getattr__ = exports(
        __name__,
        {
            "AztkBatchJobLink": "aztk",
            "AztkBatchPoolLink": "aztk",
            "AztkDriverLogLink": "aztk",
            "AztkLink": "aztk",
            "AztkSparkUiLink": "aztk",
        },
    )
