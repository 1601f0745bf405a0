"""Airflow triggers: waits without a worker."""
