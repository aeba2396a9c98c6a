"""Measures the rooms against bare references in the same run; it changes nothing, and its figures are never a test."""
