"""Everything that talks to the Hub, and the only room that opens connections.

Functions are synchronous and end within seconds (call them in a thread), but for `follow`, which is asynchronous.
Each takes the visitor's token, or None for nobody; the server's own token is never used. Each raises
`errors.HubProblem` and nothing else.

    search      models and datasets by name                     machines  flavors, prices
    models      facts of a model                                account   who signed in
    datasets    facts of a dataset, its first rows              jobs      launch, read, list and stop runs
    follow      a run's log, live, for any number of viewers    result    whether a run left a whole model

Below them: `client` (how the Hub is asked), `config` (where it is, time limits), `cache`, `ids` (names, checked),
`child` and `stream_rows` (rows read in a process of their own), `upstream`, `sse` and `spool` (one job's log).
"""
