"""Shows shoppers what others really bought."""
