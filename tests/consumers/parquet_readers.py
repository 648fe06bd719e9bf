#!/usr/bin/env python3
"""Opens tables with pyarrow and DuckDB and says what they see as JSON: `parquet_readers.py FILE DIR`.

FILE is a table, DIR one in directories named by day and model. Exits 77 when a reader is not installed.
"""

import json
import sys

try:
    import duckdb
    import pyarrow.dataset
    import pyarrow.parquet
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(77)


def arrow(path, folder):
    table = pyarrow.parquet.read_table(path)
    about = pyarrow.parquet.ParquetFile(path).metadata
    types = {field.name: str(field.type) for field in table.schema}
    parts = pyarrow.dataset.dataset(folder, partitioning="hive").to_table()
    return {
        "created_by": about.created_by,
        "rows": table.num_rows,
        "time": types["time"],
        "tokens_in": types["tokens_in"],
        "messages": table.column("messages").to_pylist(),
        "partitioned": sorted([str(row["day"]), row["model"], row["line"]] for row in parts.to_pylist()),
    }


def duck(path, folder):
    ask = lambda query: [list(map(str, row)) for row in duckdb.sql(query).fetchall()]
    duckdb.sql("set timezone = 'UTC'")
    return {
        "sums": ask(f"select model, sum(tokens_in), sum(tokens_out), max(time)::varchar from '{path}' group by 1 order by 1"),
        "calls": ask(
            f"select m.tool_calls[1].function.name, m.tool_calls[1].function.arguments from "
            f"(select unnest(messages) as m from '{path}') where len(m.tool_calls) > 0"
        ),
        "partitioned": ask(f"select day, model, line from read_parquet('{folder}/**/*.parquet', hive_partitioning = true) order by line"),
    }


print(json.dumps({"arrow": arrow(*sys.argv[1:3]), "duckdb": duck(*sys.argv[1:3])}))
