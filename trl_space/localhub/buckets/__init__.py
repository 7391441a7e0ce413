"""Buckets of the local Hub: folders without history, which the official client fills before it starts a job.

- `store` the durable records, `api` the routes of buckets as a whole, `files_api` those of their files, `page` what a
  person sees.

A bucket is a row of `repos` with the type "bucket", so that who may do what, names, and content on disk follow the
rules of repositories (`repos.access`, `repos.blobs`); its files are a table, not commits. Content travels over Xet
alone, as on the Hub (`repos.xet_api`). Resource groups, regions and the feed of changes are not spoken.
"""
