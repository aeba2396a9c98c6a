"""The schema's history: one file a change, applied in order when the hub starts."""
