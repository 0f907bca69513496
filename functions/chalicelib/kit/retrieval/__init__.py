"""Questions to the knowledge base from inside a function: the passages that may answer, and how sure that they do."""

from chalicelib.kit.retrieval.gate import confidence
from chalicelib.kit.retrieval.search import Passage, search

__all__ = ["Passage", "confidence", "search"]
