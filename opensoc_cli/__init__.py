"""The `opensoc` command: one file per verb, each importing its room only when run."""
