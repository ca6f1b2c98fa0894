"""Messages of programs elsewhere that make a strategy enter or leave: proven, and acted on once however often sent."""
