"""How a report is shown: terminal, JSON, JUnit, Markdown, one HTML page. Pure: a report goes in, text or bytes come out.

An agent's answers, tool names and errors are written by strangers: each form escapes them by its own rules, cuts what is
huge, and shows control, bidirectional and invisible characters as escapes.
"""
