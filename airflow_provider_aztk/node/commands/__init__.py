"""The commands of the node code, one module each; :mod:`airflow_provider_aztk.node.__main__` runs them."""
