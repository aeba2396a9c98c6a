"""The exchange by hand: requests from a stick, answered onto it. It judges nothing that the sync does not judge."""
