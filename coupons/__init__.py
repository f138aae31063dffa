"""Gives things to people: offers, code pools, issuing, redeeming; made real in Salla through integrations."""
