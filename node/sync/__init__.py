"""The node's side of the sync: outbox, inbox, and the log read leaf by leaf. Nothing here knows the web."""
