"""The officers' console: list, read, hand over, ask triage, answer, close, open an identity.

It decides nothing: what a case allows is the domain's, what a role allows is the table of node.people.permissions.
"""
