"""Content-addressed files: where they are kept, how they come in, and how they go."""
