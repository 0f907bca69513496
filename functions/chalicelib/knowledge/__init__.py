"""The knowledge base: articles cut into passages, embedded, found again, and judged good enough to answer or not."""
