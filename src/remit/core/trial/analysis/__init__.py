"""What a run says. `analyse.py` puts it together; every part has its file."""
