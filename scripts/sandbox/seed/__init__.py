"""Two invented stores with sixty days of trade, the same for the same seed."""
