"""Jobs of the local Hub: real processes on this computer behind the Jobs API of the Hub.

- `api` the routes, `spec` what a request must look like, `records` the durable table;
- `runner` starts, follows, stops and re-adopts jobs; `supervisor` is the small process that holds one job;
- `environment` what a job finds around itself, `volumes` what is mounted and kept, `uv` the stand-in for `uv run`,
  `site` a guard for macOS;
- `logs` and `metrics` the event streams, `hardware` the table of flavors and prices.

Images are not pulled: whatever image is named, the command runs with this computer's shell and with the
interpreter that runs the Hub. What differs from the real service is said in `environment`, `volumes` and `uv`.
"""
