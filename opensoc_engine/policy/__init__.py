"""Policy files: YAML with positions, checked against their schemas, as plain data."""
