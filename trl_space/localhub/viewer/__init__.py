"""The dataset viewer of the local Hub, under `/_viewer` on the Hub's own address.

- `api` the routes, parameters and access rules, `errors` the answers that are no success;
- `layout` finds subsets and splits among a repository's files, as `datasets` does;
- `tables` reads their rows (parquet as it lies, JSON, CSV and text after one conversion), `features` says what
  the columns are and writes cells as JSON, `pages` cuts answers to the real viewer's limits.

Only pyarrow reads data here: importing `datasets` would cost the server seconds and memory.
"""
