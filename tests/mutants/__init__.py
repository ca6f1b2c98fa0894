"""Deliberate breakages of the desk, each of which a test must notice."""
