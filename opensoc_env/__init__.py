"""The environment: incidents, scenarios, episodes, server and client."""
