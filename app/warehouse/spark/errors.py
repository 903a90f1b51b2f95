"""Why Spark gave nothing."""

from app.errors import ChartsideError


class SparkStopped(ChartsideError):
    """Spark is not installed, or its session did not come to its end; the message says which, and holds no value of the data."""

    status = 500
    code = "spark.stopped"
    public = "Spark did not answer. Nothing was changed."
