"""The exchange carried by hand: requests out on a stick, answers in. It checks nothing less than the sync does."""
