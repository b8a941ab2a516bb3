"""Prints a Parquet file as pyarrow and as duckdb see it, one JSON document each."""

import json
import sys

import duckdb
import pyarrow.parquet as pq

path = sys.argv[1]


def plain(value):
    """A value as JSON holds it, with floats and bytes as their exact hexadecimal text."""
    return value.hex() if isinstance(value, (float, bytes)) else value


table = pq.read_table(path)
file = pq.ParquetFile(path)
statistics = {}
for index, name in enumerate(table.column_names):
    found = file.metadata.row_group(0).column(index).statistics
    if found is not None and found.has_min_max:
        statistics[name] = [plain(found.min), plain(found.max), found.null_count]
print(json.dumps({
    "types": [str(field.type) for field in table.schema],
    "nullable": [field.nullable for field in table.schema],
    "columns": {name: [plain(v) for v in table[name].to_pylist()] for name in table.column_names},
    "metadata": {k.decode(): v.decode() for k, v in (file.schema_arrow.metadata or {}).items()},
    "row_groups": file.metadata.num_row_groups,
    "statistics": statistics,
}, sort_keys=True))

rows = duckdb.sql(f"SELECT * FROM read_parquet('{path}')")
columns = dict(zip(rows.columns, zip(*rows.fetchall()))) if len(rows) else {}
print(json.dumps({
    "columns": {name: [plain(v) for v in values] for name, values in columns.items()},
}, sort_keys=True))
