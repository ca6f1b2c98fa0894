"""Installs, starts and watches the desk. Standard library only: it runs before anything is installed."""
