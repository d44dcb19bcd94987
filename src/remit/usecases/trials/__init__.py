"""Running trials, and what stands around it: suites from files, worlds, results from elsewhere, reports."""
