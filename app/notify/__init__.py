"""Messages to people: kept until they were read, whoever was there when it happened."""
