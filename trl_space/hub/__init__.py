"""Everything that talks to the Hub, and the only room that opens connections.

Functions are synchronous and end within seconds (call them in a thread), but for `follow`, which is asynchronous.
Each takes the visitor's token, or None for nobody; the server's own token is never used. Each raises
`errors.HubProblem` and nothing else.

    search      models and datasets by name                     machines  flavors, prices
    models      facts of a model                                account   who signed in
    datasets    facts of a dataset, its first rows              jobs      read, list and stop runs
    launch      start a run, exactly once                       repos     where a run saves to, and whose it is
    follow      a run's log, live, for any number of viewers    result    whether a run left a whole model
    tokens      how long rows are for a model                   targets   the repository that a run would save to
    siblings    the conversational sibling of a model           measured  what an earlier run of the same shape took
    fetch       a script from an address, of the Hub or not     keep_script  a script in the visitor's own dataset

Below them: `client` (how the Hub is asked), `config` (where it is, time limits), `cache`, `wanted` (whether anybody
still waits for an answer), `ids` (names, checked), `addresses` (from where a script may be read), `allowance` (how
often), `once` (what was launched here), `branch` (a repository's main branch, read and changed), `repo_files` (what the
names of files tell), `viewer` (the dataset viewer), `child`, `stream_rows` and `count_tokens` (what strangers wrote,
read in processes of their own), `upstream`, `sse`, `spool` and `hardware` (one job, its log and what its machine does).
"""
