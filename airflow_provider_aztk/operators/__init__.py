"""Airflow operators: every change."""
