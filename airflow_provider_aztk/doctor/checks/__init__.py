"""The checks. Each is a function from :class:`~airflow_provider_aztk.doctor.facts.Facts` to findings."""
