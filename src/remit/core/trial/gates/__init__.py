"""Gates: when is enough known, and what does it say. One kind a file, listed in `table.py`."""
