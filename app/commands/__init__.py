"""One module per group of commands; each command takes its options and the settings and answers an exit code."""
