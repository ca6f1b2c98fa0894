"""A stand-in for the application, as the launcher sees it: a few commands and long-running processes."""
