"""Tools that decide nothing: clock, money, errors, database, encryption, bus, link, HTTP, logs."""
