"""An emulator of the Azure Batch REST service that runs tasks as processes.

It knows nothing of Spark, Airflow or AZTK: what surrounds it is injected (see :mod:`local.stack.stack`).
"""

from __future__ import annotations
