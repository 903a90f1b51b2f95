"""What every gunicorn that starts in this folder shares.

The access log is off unless asked for (`--access-logfile -`). A line has the path and never the query: the callback's
holds the authorization code and the state.

A chart is many small objects that are made together and kept together. Python looks for garbage after every 700 new ones,
over and over through the same charts; measured on a chart of 7,000 records, that was a fifth of all CPU. What the
application itself is made of is never garbage and is not looked through at all.
"""

import gc

GARBAGE_THRESHOLDS = (20_000, 10, 10)
access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(B)s %(M)sms'


def post_worker_init(worker: object) -> None:  # noqa: ARG001  # gunicorn calls it so
    """Look for garbage seldom, in each worker once the application is loaded."""
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
