"""The second front door, as thin as app/web/api: Celery hands in an id, one function is called."""
