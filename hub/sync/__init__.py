"""`POST /sync/v1`: takes what a member says, rule by rule, and hands out what others said to it. It opens no seal."""
