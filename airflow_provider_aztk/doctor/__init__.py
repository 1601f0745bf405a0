"""``airflow aztk doctor``: check what a cluster needs on Azure, in seconds and without creating a node."""

from __future__ import annotations

from airflow_provider_aztk.doctor.command import main
from airflow_provider_aztk.doctor.findings import Finding, Report, Status

__all__ = ["Finding", "Report", "Status", "main"]
