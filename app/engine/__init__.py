"""The engine owns every venue connection, every decision and every send. It may die at any instruction."""
