"""Holds JSON against the schemas of `nuncio schema --output VERB`: as much of JSON Schema as those use. Stricter than they are
in one thing: a key that the schema does not name is a fault, so that nothing is printed that is not documented."""

import datetime

KNOWN = {"$schema", "title", "description", "type", "properties", "required", "items", "additionalProperties", "enum", "const",
         "format"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def faults(schema, value, path="$"):
    """All faults of value, as texts; none: it is what the schema says."""
    unknown = set(schema) - KNOWN
    if unknown:
        yield f"{path}: the validator does not know {', '.join(sorted(unknown))}"
    if "const" in schema and (value != schema["const"] or isinstance(value, bool)):
        yield f"{path}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {', '.join(schema['enum'])}"
    if "type" in schema:
        wanted = TYPES[schema["type"]]
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            yield f"{path}: {value!r} is no {schema['type']}"
            return
    if schema.get("format") == "date-time":
        try:
            datetime.datetime.fromisoformat(value)
        except ValueError:
            yield f"{path}: {value!r} is no time"
    if isinstance(value, dict):
        yield from object_faults(schema, value, path)
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from faults(schema.get("items", {}), item, f"{path}[{i}]")


def object_faults(schema, value, path):
    named, others = schema.get("properties", {}), schema.get("additionalProperties")
    for key in schema.get("required", []):
        if key not in value:
            yield f"{path}: {key} is missing"
    for key, item in value.items():
        if key in named:
            yield from faults(named[key], item, f"{path}.{key}")
        elif others:
            yield from faults(others, item, f"{path}.{key}")
        else:
            yield f"{path}: {key} is not documented"
