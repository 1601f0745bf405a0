"""Task groups that make and remove what their tasks need."""
