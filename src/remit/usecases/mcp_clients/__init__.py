"""The configurations of MCP clients: where they lie, which servers they start, and remit put in front of these."""
