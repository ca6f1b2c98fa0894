"""A desk on a tape: what decides live decides here too, in a database of its own, by the clock of the tape."""
