"""``airflow aztk``: commands of the provider."""
