"""Repositories of the local Hub: models, datasets and spaces with real commits, over the Hub's HTTP API.

`store` is the Python side (create, commit, read files); `api.router` is the HTTP side. Content lies in
`Hub.blobs` under its SHA-256, everything else in the database; see `store` for the tables.
"""
