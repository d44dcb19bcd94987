"""remit brought to a project that is there: what it uses, which tools its agent has, and the smallest change to it."""
