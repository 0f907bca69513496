"""The platform's Storage: buckets and objects under row-level security, bytes on disk."""
