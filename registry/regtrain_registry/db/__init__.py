"""The database: engine, dialects, tables and migrations."""
