"""Recorded telemetry becomes incidents: read, recognise, normalise, label.

`reader` turns files into JSON documents, `recordings` cuts them into incidents of raw
records, `normaliser` turns a record into an event by the YAML files in `mappings/`, and
`labeller` asks the verifier for the verdict. No event id is named in Python.
"""
