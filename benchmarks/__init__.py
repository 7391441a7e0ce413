"""Measured promises: `make bench`, or `.venv/bin/python -m benchmarks`. Nothing here is an assertion.

Our app and a bare Gradio app (`bare.py`) are measured in turns in the same run, because a busy machine makes
absolute numbers worthless; medians are shown. `RESULTS.md` keeps the last tables.
"""
