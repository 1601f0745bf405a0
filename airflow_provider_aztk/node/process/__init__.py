"""Child processes that never outlive this one, signals, and private files."""
