"""One port for everything: the original HTTP API, OpenEnv's protocol, and the demo."""
