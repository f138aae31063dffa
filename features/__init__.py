"""The switchboard: which cards exist, which are on for whom, with which settings and revisions."""
