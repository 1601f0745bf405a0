"""What runs beside Spark's processes: heartbeats, the state of master and workers, reports of failures."""
