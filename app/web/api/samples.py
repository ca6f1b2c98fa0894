"""An example of a JSON schema: what the schema itself offers, else something plain of the right type."""

from typing import Any

PLAIN: dict[str, Any] = {"string": "", "integer": 1, "number": 1, "boolean": True, "null": None}
REF = "#/components/schemas/"


def sample(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """`schemas` is what the references of the schema lead to."""
    if "$ref" in schema:
        return sample(schemas[schema["$ref"].removeprefix(REF)], schemas)
    for offered in _offered(schema):
        return offered
    if "properties" in schema:
        return {name: sample(part, schemas) for name, part in schema["properties"].items()}
    for choices in (schema.get("anyOf"), schema.get("allOf")):
        if choices:
            return sample(choices[0], schemas)
    if schema.get("type") == "array":
        return [sample(schema.get("items", {}), schemas)]
    return {} if schema.get("type") == "object" else PLAIN.get(schema.get("type", ""))


def _offered(schema: dict[str, Any]) -> list[Any]:
    """What an author wrote down as an example comes first, then a constant, the default, the first choice."""
    found = [*schema.get("examples", ())]
    found += [schema[name] for name in ("example", "const", "default") if name in schema]
    return found + schema.get("enum", [])[:1]
