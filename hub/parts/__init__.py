"""`/parts/v1`: attachments too large for a bundle, in and out. They are ciphertexts; the hub has no key of any."""
