"""Everything that runs on Lambda. Areas do not import each other: they meet in Postgres."""
