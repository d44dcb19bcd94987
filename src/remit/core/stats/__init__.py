"""Statistics, one method a file, each with a published or hand-counted value in its test.

`numpy` and `scipy` may be used here and nowhere else in the core; they are imported where they are needed, since
`import remit` pays for nothing that it does not use.
"""
