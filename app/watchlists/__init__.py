"""Lists of symbols that a person keeps an eye on."""
