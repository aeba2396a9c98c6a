"""Cases of this node: filing, the desk, tracking, ask and ruling. No HTTP here, and no commit: the edges do both."""
