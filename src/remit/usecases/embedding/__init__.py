"""Texts as vectors: which embedder, its vectors kept by content, and that only vectors of the same one are compared.

Vectors are blind to the outcome: "I refunded it" lies closer to "I could not refund it" than to its own paraphrase. What
is made of them says that answers moved or differ, never that they are right (`core/trial/signature.py` compares what is
claimed).
"""
