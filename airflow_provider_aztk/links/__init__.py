"""Links from the Airflow UI to what runs on Azure."""
