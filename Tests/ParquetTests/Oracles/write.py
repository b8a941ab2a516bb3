"""Writes one table with pyarrow in the way that the arguments ask for.

The rows repeat often, so that dictionaries are worth while; two row groups, several pages.
"""

import sys

import pyarrow as pa
import pyarrow.parquet as pq

path, kind, compression, dictionary, version = sys.argv[1:]
count = 3_000
base = {
    "flag": pa.array([i % 3 == 0 for i in range(count)], pa.bool_()),
    "small": pa.array([i % 7 - 3 for i in range(count)], pa.int32()),
    "large": pa.array([(i % 50) * 10_000_000_000 for i in range(count)], pa.int64()),
    "single": pa.array([(i % 100) / 3 for i in range(count)], pa.float32()),
    "double": pa.array([(i % 100) / 7 for i in range(count)], pa.float64()),
    "text": pa.array([f"unit-{i % 40}é" for i in range(count)], pa.string()),
    "raw": pa.array([bytes([i % 256, 0, 255]) for i in range(count)], pa.binary()),
    "gaps": pa.array([None if i % 5 == 0 else i for i in range(count)], pa.int32()),
    "holes": pa.array([None if i % 2 else f"{i}" for i in range(count)], pa.string()),
    "none": pa.array([None] * count, pa.float64()),
}
if kind == "nested":
    base = {"list": pa.array([[1, 2]] * 5, pa.list_(pa.int32()))}
elif kind == "time":
    base = {"time": pa.array([0] * 5, pa.timestamp("ms"))}
elif kind == "decimal":
    base = {"amount": pa.array([1] * 5).cast(pa.decimal128(30, 2))}
elif kind == "required":
    pass
elif kind == "delta":
    base = {"small": base["small"]}
table = pa.table(base)
if kind == "required":
    kept = [name for name in base if name not in ("gaps", "holes", "none")]
    table = table.select(kept).cast(
        pa.schema([pa.field(name, base[name].type, nullable=False) for name in kept]))
options = {"column_encoding": {"small": "DELTA_BINARY_PACKED"}} if kind == "delta" else {}
pq.write_table(
    table, path, compression=compression, use_dictionary=dictionary == "dictionary",
    data_page_version=version, row_group_size=2_000, data_page_size=2_048, **options)
