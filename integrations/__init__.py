"""The front door to Salla: install, tokens, webhook receiver, mirror of the store; turns Salla's words into facts."""
