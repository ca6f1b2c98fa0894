"""Days of ticks on record, and strategies played over them again."""
