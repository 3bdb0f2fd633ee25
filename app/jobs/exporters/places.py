"""Where runs of data exporters deliver: folders of the service's own store, or of buckets that the operator names."""

from functools import cache

from app.db.models.app import App
from app.db.models.data_exporter import DataExporter, DataExporterRun
from app.errors import AppError
from app.services import Services
from app.storage import Storage, checked, open_storage

OUR_FOLDER = "exports"
OWN = ""  # as a run's bucket: the service's own store


class BucketUnknown(AppError):
    """The operator does not name the bucket, or no longer."""

    message = "The bucket is not among those that the operator has configured"


def destination(services: Services, exporter: DataExporter, app: App, run: DataExporterRun) -> tuple[str, str]:
    """(bucket, folder) to which a run is to be delivered now. Raises BucketUnknown."""
    parts = (*filter(None, exporter.subfolder.split("/")), exporter.identifier, app.identifier)
    folder = "/".join((*map(checked, parts), f"{run.scheduled_for:%Y-%m-%dT%H%M%SZ}"))
    if not services.config.export_buckets:
        return OWN, f"{OUR_FOLDER}/{checked(exporter.bucket_name)}/{folder}"
    if exporter.bucket_name not in dict(services.config.export_buckets):
        raise BucketUnknown
    return exporter.bucket_name, folder


def store_of(services: Services, bucket: str) -> Storage:
    """The store of a bucket. Raises BucketUnknown."""
    if bucket == OWN:
        return services.storage
    url = dict(services.config.export_buckets).get(bucket)
    if url is None:
        raise BucketUnknown
    return _opened(url)


def take_back(services: Services, bucket: str | None, folder: str | None) -> None:
    """Delete what a run has delivered, if it has. Raises TransientError, or BucketUnknown."""
    if bucket is not None and folder is not None:
        store = store_of(services, bucket)
        store.delete(f"{folder}/manifest.json")  # first: what is there without it is not whole
        store.delete_folder(folder)


@cache
def _opened(url: str) -> Storage:
    return open_storage(url, is_marked=False)
