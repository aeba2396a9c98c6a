"""The log: appends leaves, signs the tree, and publishes both as tiles. It does not judge what it logs."""
