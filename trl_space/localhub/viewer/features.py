"""What columns are, in the viewer's words, and cells as JSON.

Types follow the Arrow schema: `{"dtype": "string", "_type": "Value"}`, `{"feature": ..., "_type": "List"}`, and a
struct is an object of features. Parquet files that `datasets` wrote carry their own features (class labels, for
instance), which then hold.
"""

from __future__ import annotations

import base64
import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_METADATA_KEY = b"huggingface"
# The real viewer gives addresses of converted copies for these; here their cells are null.
_MEDIA = ("Image", "Audio", "Video", "Pdf")
_BY_NAME = {
    "double": "float64",
    "float": "float32",
    "halffloat": "float16",
    "date32[day]": "date32",
    "date64[ms]": "date64",
}


def features_of(schema: pa.Schema) -> dict[str, Any]:
    """Column name to feature."""
    own = _own_features(schema)
    return {field.name: own.get(field.name) or from_arrow(field.type) for field in schema}


def from_arrow(kind: pa.DataType) -> Any:
    """The feature of an Arrow type."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return {kind.field(index).name: from_arrow(kind.field(index).type) for index in range(kind.num_fields)}
    if pa.types.is_large_list(kind):
        return {"feature": from_arrow(kind.value_type), "_type": "LargeList"}
    if pa.types.is_fixed_size_list(kind):
        return {"feature": from_arrow(kind.value_type), "length": kind.list_size, "_type": "List"}
    if pa.types.is_list(kind) or pa.types.is_list_view(kind):
        return {"feature": from_arrow(kind.value_type), "_type": "List"}
    if pa.types.is_map(kind):
        return {
            "feature": {"key": from_arrow(kind.key_type), "value": from_arrow(kind.item_type)},
            "_type": "List",
        }
    if pa.types.is_dictionary(kind):
        return from_arrow(kind.value_type)
    return {"dtype": _BY_NAME.get(str(kind), str(kind)), "_type": "Value"}


def with_features(schema: pa.Schema, features: dict[str, Any]) -> pa.Schema:
    """A schema that carries these features, as `datasets` writes them into parquet files."""
    text = json.dumps({"info": {"features": features}})
    return schema.with_metadata({**(schema.metadata or {}), _METADATA_KEY: text.encode()})


def _own_features(schema: pa.Schema) -> dict[str, Any]:
    try:
        text = (schema.metadata or {})[_METADATA_KEY]
        features = json.loads(text)["info"]["features"]
        return {str(name): _modern(feature) for name, feature in features.items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _modern(feature: Any) -> Any:
    """Older files spell lists as `[feature]` or `Sequence`; the viewer says `List`."""
    if isinstance(feature, list):
        return {"feature": _modern(feature[0]), "_type": "List"}
    if isinstance(feature, dict):
        if feature.get("_type") == "Sequence":
            inner = feature["feature"]
            if isinstance(inner, dict) and "_type" not in inner:
                return {name: {"feature": _modern(item), "_type": "List"} for name, item in inner.items()}
            return {"feature": _modern(inner), "_type": "List"}
        return {
            name: _modern(item) if isinstance(item, (dict, list)) and name != "names" else item
            for name, item in feature.items()
        }
    return feature


def to_items(features: dict[str, Any]) -> list[dict[str, Any]]:
    """Features as the viewer lists them beside rows."""
    return [
        {"feature_idx": index, "name": name, "type": feature} for index, (name, feature) in enumerate(features.items())
    ]


def to_cell(value: Any, feature: Any = None) -> Any:
    """A value read from Arrow, as JSON can carry it."""
    if value is None or isinstance(value, (bool, int, str)):
        if isinstance(value, str) and isinstance(feature, dict) and feature.get("_type") == "Json":
            return json.loads(value)
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(feature, dict) and feature.get("_type") in _MEDIA:
        return None
    if isinstance(value, dict):
        inner = feature if isinstance(feature, dict) and "_type" not in feature else {}
        return {name: to_cell(item, inner.get(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        inner = feature.get("feature") if isinstance(feature, dict) else None
        return [to_cell(item, inner) for item in value]
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return str(value)
    return str(value)
