"""What every gunicorn that starts in this folder shares.

The access log is off unless asked for (`--access-logfile -`). A line has the path and never the query: the callback's
holds the authorization code and the state.
"""

access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(B)s %(M)sms'
