"""Content-addressed storage of files: in a folder, behind fsspec, or in a store of your own."""
