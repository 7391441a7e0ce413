"""Lists and searches of the local Hub: `/api/models`, `/api/datasets`, `/api/spaces` and quick search."""
