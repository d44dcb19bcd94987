"""Checks: was this trial a success? One kind a file, listed in `table.py`."""
