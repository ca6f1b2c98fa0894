"""Which accounts there are, their sealed keys, their health, and who is primary."""
