"""Configurations and settings as operators and sensors take them: read, checked, and built into the client's models."""
