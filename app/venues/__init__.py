"""Venues decide nothing: they translate our commands into a venue's words and its answers into reports."""
