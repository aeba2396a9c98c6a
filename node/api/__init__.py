"""The REST API of a node below /api/v1: what the portal and the console do, for programs.

It translates HTTP into the services of node.cases and node.people, and decides nothing about a case. No cookie is read
or set here, no script is served, and no answer repeats what was sent beyond the names of fields.
"""
