"""Where remit stands in an agent framework's path of a call; each module needs its framework, by an extra of its name."""
