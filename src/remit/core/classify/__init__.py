"""Where an anomaly came from: content, a change, the world's failure, or not yet known; with the evidence."""
