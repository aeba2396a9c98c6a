"""Who works at this node: accounts, passwords, sessions and what each role may do. It knows nothing of cases."""
