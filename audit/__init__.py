"""Verifies offline what a federation published: log, directory, entries, custody. It opens no seal."""
