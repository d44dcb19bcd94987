"""From the trials of a run to its report: every number with an interval, its method and its unit."""
