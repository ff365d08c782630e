"""The rules engine: YAML policies with Rego bodies, compiled against JSON Schemas."""
