"""Airflow sensors: every wait."""
