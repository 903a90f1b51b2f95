"""The own store: landed exports made into immutable snapshots, each one DuckDB file, of which one is current."""
