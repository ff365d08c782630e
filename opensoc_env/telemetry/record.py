"""One recorded JSON object seen as a set of named values, whatever wrote it.

Windows events are written nested (`Event.System`, `Event.EventData`,
`Event.UserData`), in the form of Beats (`winlog.event_data`) or flat. `windows_record`
gives all of them the same names: `System.Channel`, `System.EventID` and so on, and the
event's own fields by their bare name. `look_up` reads dotted paths of other JSON.
Neither changes a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

# Names under which flat exports carry what `Event.System` holds, best first.
_FLAT_SYSTEM = {
    "System.Channel": ("Channel", "channel", "log_name", "LogName"),
    "System.Provider": ("SourceName", "ProviderName", "Provider_Name", "source_name"),
    "System.EventID": ("EventID", "EventId", "event_id", "Id"),
    "System.Computer": ("Computer", "Hostname", "computer_name", "MachineName"),
    "System.TimeCreated": ("@timestamp", "TimeCreated", "SystemTime", "UtcTime"),
    "System.UserID": ("UserID", "UserId"),
    "System.Keywords": ("Keywords", "keywords"),
}
_BEATS_SYSTEM = {
    "System.Channel": "channel",
    "System.Provider": "provider_name",
    "System.EventID": "event_id",
    "System.Computer": "computer_name",
}
_ATTRIBUTES = ("#attributes", "@attributes")


def windows_record(raw: Json) -> dict[str, Any] | None:
    """The values of a Windows event by name; None if it is no Windows event."""
    if isinstance(raw.get("Event"), Mapping):
        values = _nested(raw["Event"])
    elif isinstance(raw.get("winlog"), Mapping):
        values = _beats(raw)
    else:
        values = _flat(raw)
    has_origin = "System.Channel" in values or "System.Provider" in values
    return values if has_origin and "System.EventID" in values else None


def look_up(values: Json, path: str) -> Any:
    """The value under an exact name, or else under a dotted path; None if absent."""
    if path in values:
        return values[path]
    node: Any = values
    for name in path.split("."):
        node = node.get(name) if isinstance(node, Mapping) else None
    return node


def _nested(event: Json) -> dict[str, Any]:
    values: dict[str, Any] = {}
    system = event.get("System")
    for name, value in (system if isinstance(system, Mapping) else {}).items():
        values |= _system_values(name, value)
    for part in ("EventData", "UserData"):
        values |= _data_values(event.get(part))
    return values


def _system_values(name: str, value: Any) -> dict[str, Any]:
    attributes = _attributes(value)
    if name == "Provider":
        return _known({"System.Provider": attributes.get("Name")})
    if name == "TimeCreated":
        return _known({"System.TimeCreated": attributes.get("SystemTime", value)})
    if name == "Security":
        return _known({"System.UserID": attributes.get("UserID")})
    return _known({f"System.{name}": _scalar(value)})


def _data_values(data: Any) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        return {}
    values: dict[str, Any] = {}
    for name, value in data.items():
        if name in _ATTRIBUTES or name.startswith("@"):
            continue
        if name == "Data":
            values |= _unnamed_data(value)
        elif isinstance(value, Mapping) and "#text" not in value:
            values |= _data_values(value)
        else:
            values[name] = _scalar(value)
    return _known(values)


def _unnamed_data(value: Any) -> dict[str, Any]:
    """`Data` elements: by their `Name` attribute, or by position as `Data.0`."""
    if isinstance(value, Mapping) and "Name" not in _attributes(value):
        value = value.get("#text")
    values: dict[str, Any] = {}
    for position, item in enumerate(value if isinstance(value, list) else [value]):
        name = _attributes(item).get("Name", f"Data.{position}")
        values[str(name)] = _scalar(item)
    return values


def _beats(raw: Json) -> dict[str, Any]:
    log = raw["winlog"]
    values = _known({name: log.get(key) for name, key in _BEATS_SYSTEM.items()})
    values |= _known({"System.TimeCreated": raw.get("@timestamp")})
    values |= _known({"Message": raw.get("message")})
    for part in ("event_data", "user_data"):
        values |= _data_values(log.get(part))
    return values


def _flat(raw: Json) -> dict[str, Any]:
    values = _known(raw)
    for name, candidates in _FLAT_SYSTEM.items():
        found = next((c for c in candidates if values.get(c) not in (None, "")), None)
        if found is not None:
            values[name] = values[found]
    return values


def _attributes(value: Any) -> Json:
    if not isinstance(value, Mapping):
        return {}
    for key in _ATTRIBUTES:
        if isinstance(value.get(key), Mapping):
            return dict(value[key])
    return {key[1:]: item for key, item in value.items() if key.startswith("@")}


def _scalar(value: Any) -> Any:
    return value.get("#text") if isinstance(value, Mapping) else value


def _known(values: Json) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
