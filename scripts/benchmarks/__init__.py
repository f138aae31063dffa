"""What `scripts/bench.py` measures, and how. Not named `bench`: a package would hide the script from mypy."""
