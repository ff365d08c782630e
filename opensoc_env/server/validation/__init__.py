"""What `openenv.yaml` names for those who validate the environment."""
