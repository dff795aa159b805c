"""Columns as a Parquet file, for those who go on with pandas, DuckDB or a spreadsheet of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_parquet(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write columns side by side; the one named ``time`` is epoch ms UTC and becomes a timestamp."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def column(name: str, values: Sequence[Any]) -> Any:
        return pa.array(values, pa.timestamp("ms", tz="UTC")) if name == "time" else pa.array(values)

    pq.write_table(pa.table({name: column(name, values) for name, values in columns.items()}), path, compression="zstd")
