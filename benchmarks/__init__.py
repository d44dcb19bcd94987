"""What remit costs, measured on the machine that runs it. `make bench` prints all tables; ratios are what counts."""
