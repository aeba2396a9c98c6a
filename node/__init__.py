"""A member's own node: it takes complaints, handles them and hands them on; it never sees what is sealed to others."""
