"""Back ends that turn the IR into programs."""
