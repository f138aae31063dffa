"""The fact log: append-only business facts and the bus that wakes handlers; knows nothing of what facts mean."""
