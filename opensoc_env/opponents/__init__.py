"""Who plays the other side: scripted, a frozen model, or another session."""
