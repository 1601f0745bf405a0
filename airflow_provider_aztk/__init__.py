"""Run Spark from Apache Airflow on Azure Batch, without a standing platform."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
