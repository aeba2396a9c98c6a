"""Attachments at this node: which may come, how they are kept, how they go out and come in. It serves no page."""
