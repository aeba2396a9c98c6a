"""Access for auditors: all entries, read-only, by a token. It gives no part: what is sealed is nobody's to audit."""
