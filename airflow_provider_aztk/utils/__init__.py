"""Pure helpers of the Airflow face."""
