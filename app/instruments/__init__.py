"""What can be traded: symbols, contracts, lot sizes, freeze quantities, expiries, trading days and hours."""
