"""Makes, keeps and uses keys: signing, sealing, receipt codes, key files. It knows no message, network or database."""
