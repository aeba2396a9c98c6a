"""The way back of a hub that was set back: it is given back what it signed, and logs nothing else before.

It believes no member: what it takes leads to a checkpoint that its own log key signed. It opens no seal.
"""
