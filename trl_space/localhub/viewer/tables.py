"""The rows of one split.

Parquet files are read where they lie, row group by row group. Everything else is read once, as `datasets` reads
it, and kept as parquet below the Hub's data folder under a name made of the files' contents: the same files are
never converted twice, whatever repository or commit they belong to. The folder is bounded in size.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import errors
from .features import features_of, from_arrow, to_cell, with_features

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MAX_SOURCE_BYTES = 300_000_000  # the real viewer refuses to scan more than this, too
MAX_CACHE_BYTES = 1_000_000_000
_ROW_GROUP = 1000
_VERSION = b"1"
_CONVERTING = threading.Lock()


@dataclass(frozen=True)
class Part:
    """A file of a split. `path` lies on this computer, `name` is its path in the repository."""

    name: str
    path: Path
    size: int


class Table:
    """A split that can be read. Use it in one thread and close it (it is a context manager)."""

    def __init__(self, files: Sequence[Path], original_bytes: int) -> None:
        import pyarrow.parquet as pq

        self.parts: list[pq.ParquetFile] = []
        try:
            for path in files:
                self.parts.append(pq.ParquetFile(path))
        except BaseException:
            self.close()
            raise
        self.features: dict[str, Any] = features_of(self.parts[0].schema_arrow)
        self.num_rows = sum(part.metadata.num_rows for part in self.parts)
        self.original_bytes = original_bytes
        self.parquet_bytes = sum(path.stat().st_size for path in files)
        groups = (part.metadata.row_group(index) for part in self.parts for index in range(part.num_row_groups))
        self.memory_bytes = sum(group.total_byte_size for group in groups)

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for part in self.parts:
            part.close()

    def rows(self, offset: int, length: int) -> list[dict[str, Any]]:
        """Rows from `offset` on, at most `length`, each a mapping of column to JSON value.

        Raises:
            ViewerError: 501 when a row group that holds them is larger than this viewer reads.
        """
        rows: list[dict[str, Any]] = []
        for start, batch in self._raw(offset, offset + length):
            first = max(0, offset - start)
            rows += self._convert(batch.slice(first, offset + length - start - first))
        return rows

    def raw_cells(self, offset: int, length: int, names: list[str]) -> list[dict[str, Any]]:
        """Cells of some columns as they lie in the files: bytes of pictures, for instance."""
        found: list[dict[str, Any]] = []
        for start, batch in self._raw(offset, offset + length):
            first = max(0, offset - start)
            found += batch.slice(first, offset + length - start - first).select(names).to_pylist()
        return found

    def batches(self) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """All rows, in pieces, each with the index of its first row."""
        for start, batch in self._raw(0, self.num_rows):
            yield start, self._convert(batch)

    def _raw(self, begin: int, end: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The pieces that hold rows `begin` to `end`; row groups outside are not read, and none is held whole."""
        start = 0
        for part in self.parts:
            for index in range(part.num_row_groups):
                group = part.metadata.row_group(index)
                if start + group.num_rows <= begin or start >= end:
                    start += group.num_rows
                    continue
                if group.total_byte_size > MAX_SOURCE_BYTES:
                    raise errors.too_big("A row group of this split")
                for batch in part.iter_batches(_ROW_GROUP, row_groups=[index], use_threads=False):
                    if start + batch.num_rows > begin and start < end:
                        yield start, batch
                    start += batch.num_rows

    def _convert(self, table: pa.RecordBatch) -> list[dict[str, Any]]:
        return [
            {name: to_cell(row.get(name), feature) for name, feature in self.features.items()}
            for row in table.to_pylist()
        ]


def open_table(cache: Path, kind: str, parts: Sequence[Part]) -> Table:
    """Open a split's files, converting them first when they are not parquet.

    Raises:
        ViewerError: 500 for files that cannot be read, 501 for files that are too large.
    """
    import pyarrow as pa

    size = sum(part.size for part in parts)
    try:
        if kind == "parquet":
            return Table([part.path for part in parts], size)
        if size > MAX_SOURCE_BYTES:
            raise errors.too_big("The split")
        return Table([_converted(cache, kind, parts)], size)
    except (pa.ArrowException, ValueError, OSError, KeyError, TypeError, RecursionError) as error:
        raise errors.bad_rows(_without_paths(error, parts)) from error


def _without_paths(error: Exception, parts: Sequence[Part]) -> Exception:
    """The error with file names of the repository instead of this computer's."""
    text = str(error)
    for part in parts:
        text = text.replace(str(part.path), part.name)
    return type(error)(text) if type(error) in (ValueError, TypeError, KeyError, OSError) else ValueError(text)


def _converted(cache: Path, kind: str, parts: Sequence[Part]) -> Path:
    """The parquet file with the rows of these files, made now if it is not there."""
    digest = hashlib.sha256(_VERSION + kind.encode())
    for part in parts:
        # A blob's file is named by its content, so the name stands for the content.
        digest.update(f"{part.path.name}\0{part.name.rpartition('.')[2]}\0{part.size}\n".encode())
    target = cache / f"{digest.hexdigest()}.parquet"
    with _CONVERTING:  # one at a time: each may need memory of some times its size
        if not target.exists():
            import pyarrow.parquet as pq

            cache.mkdir(parents=True, exist_ok=True, mode=0o700)
            table = _read(kind, parts)
            fresh = target.with_suffix(f".{os.getpid()}.new")
            try:
                pq.write_table(table, fresh, row_group_size=_ROW_GROUP, compression="snappy")
                fresh.replace(target)
            finally:
                fresh.unlink(missing_ok=True)
            _make_room(cache, target)
        else:
            with suppress(OSError):
                os.utime(target)
    return target


def _make_room(cache: Path, keep: Path) -> None:
    """Remove what was not used for longest until the folder is small enough."""
    files = sorted(((path.stat(), path) for path in cache.glob("*.parquet")), key=lambda item: -item[0].st_mtime)
    total = 0
    for state, path in files:
        total += state.st_size
        if total > MAX_CACHE_BYTES and path != keep:
            path.unlink(missing_ok=True)


def _read(kind: str, parts: Sequence[Part]) -> pa.Table:
    import pyarrow as pa

    readers = {"json": _read_json, "csv": _read_csv, "tsv": _read_csv, "text": _read_text}
    tables = [readers[kind](part) for part in parts]
    features: dict[str, Any] = {}
    for table in tables:
        for name, feature in features_of(table.schema).items():
            if isinstance(feature, dict) and feature.get("_type") == "Json":
                features[name] = feature
    table = tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="permissive")
    if not table.num_columns:
        raise ValueError("The files have no columns")
    if features:
        all_features = {field.name: features.get(field.name) or from_arrow(field.type) for field in table.schema}
        table = table.replace_schema_metadata(with_features(table.schema, all_features).metadata)
    return table


def _bytes_of(part: Part) -> bytes:
    """A file's content, unpacked when its name says that it is packed."""
    import pyarrow as pa

    packed = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}.get("." + part.name.rpartition(".")[2].lower())
    with pa.OSFile(str(part.path)) as file:
        stream = pa.CompressedInputStream(file, packed) if packed else file
        content, size = [], 0
        while block := stream.read(4 << 20):
            size += len(block)
            if size > MAX_SOURCE_BYTES:
                raise errors.too_big("The split")
            content.append(block)
    return b"".join(content)


def _read_json(part: Part) -> pa.Table:
    """JSON lines, or one JSON document: a list of objects, or an object of columns."""
    import pyarrow as pa

    content = _bytes_of(part).removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise ValueError("The file is empty")
    if not content.lstrip().startswith(b"["):
        with suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return _parse_lines(content)
    return _from_objects(_objects(content.decode("utf-8")))


def _parse_lines(content: bytes, schema: pa.Schema | None = None) -> pa.Table:
    """Arrow's own reader. (`pyarrow.array` on Python lists would import pandas: seconds and 40 MB.)"""
    import pyarrow as pa
    from pyarrow import json as pa_json

    # One block: the types of a column are then found over the whole file.
    read = pa_json.ReadOptions(block_size=len(content) + 1, use_threads=False)
    return pa_json.read_json(pa.BufferReader(content), read, pa_json.ParseOptions(explicit_schema=schema))


def _objects(text: str) -> list[Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(value, dict) and value and all(isinstance(column, list) for column in value.values()):
        return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
    return value if isinstance(value, list) else [value]


def _from_objects(objects: list[Any]) -> pa.Table:
    """A table of Python values; a column of mixed types becomes `Json`, as `datasets` does."""
    import pyarrow as pa

    rows = [item if isinstance(item, dict) else {"text": item} for item in objects]
    try:
        return _parse_lines(_lines(rows))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        names = dict.fromkeys(name for row in rows for name in row)
        mixed = {name for name in names if _is_mixed([row.get(name) for row in rows])}
        if not mixed:
            raise
    text = [
        {
            name: json.dumps(value, ensure_ascii=False) if name in mixed and value is not None else value
            for name, value in row.items()
        }
        for row in rows
    ]
    table = _parse_lines(_lines(text), pa.schema([(name, pa.string()) for name in names if name in mixed]))
    table = table.select([name for name in names if name in table.column_names])
    features = {
        field.name: {"_type": "Json"} if field.name in mixed else from_arrow(field.type) for field in table.schema
    }
    return table.replace_schema_metadata(with_features(table.schema, features).metadata)


def _is_mixed(values: list[Any]) -> bool:
    """Whether Arrow finds no type for these values."""
    import pyarrow as pa

    try:
        _parse_lines(_lines([{"": value} for value in values]))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return True
    return False


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=True) + "\n" for row in rows).encode(
        "utf-8", "replace"
    )


def _read_csv(part: Part) -> pa.Table:
    """Comma or tab separated values. Dates stay text, as `datasets` leaves them."""
    import pyarrow as pa
    from pyarrow import csv

    content = _bytes_of(part).removeprefix(b"\xef\xbb\xbf")
    name = part.name.lower()
    parse = csv.ParseOptions(delimiter="\t" if ".tsv" in name else ",", newlines_in_values=True)
    types: dict[str, pa.DataType] = {}
    for _ in range(2):
        convert = csv.ConvertOptions(strings_can_be_null=True, column_types=types)
        read = csv.ReadOptions(block_size=max(1 << 20, len(content) + 1))
        table = csv.read_csv(pa.BufferReader(content), read_options=read, parse_options=parse, convert_options=convert)
        types = {field.name: pa.string() for field in table.schema if pa.types.is_temporal(field.type)}
        if not types:
            break
    return table


def _read_text(part: Part) -> pa.Table:
    """One row for each line."""
    import pyarrow as pa

    lines = _bytes_of(part).decode("utf-8").splitlines()
    return _parse_lines(_lines([{"text": line} for line in lines]), pa.schema([("text", pa.string())]))
