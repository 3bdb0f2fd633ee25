"""Settings from the environment: defaults, and a refusal that names each variable that is missing or senseless."""

from pathlib import Path

import pytest

from app.config import BROKER_URL_FILE, MIB, PORT_FILE, Config, embedded_environment
from app.errors import ConfigError
from app.speed import PARTS, Speed

WHOLE = {
    "DATABASE_URL": "postgresql+psycopg://crashq@db.example.com/crashq",
    "REDIS_URL": "redis://redis.example.com:6379/0",
    "STORAGE_URL": "s3://crashes/production",
    "SECRET_KEY": "sixteen letters at least",
}


def test_the_four_required_variables_suffice():
    config = Config.from_env(WHOLE)

    assert (config.database_url, config.redis_url) == (WHOLE["DATABASE_URL"], WHOLE["REDIS_URL"])
    assert (config.storage_url, config.secret_key) == (WHOLE["STORAGE_URL"], WHOLE["SECRET_KEY"])
    assert (config.port, config.max_log_bytes, config.job_lease, config.public_url) == (8000, 20 * MIB, 30, None)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_database_is_named_as_platforms_name_it(scheme):
    config = Config.from_env({**WHOLE, "DATABASE_URL": f"{scheme}://u:p@db.example.com:5432/name?sslmode=require"})

    assert config.database_url == "postgresql+psycopg://u:p@db.example.com:5432/name?sslmode=require"


def test_every_number_is_read_and_a_slash_is_cut_off_the_public_url():
    config = Config.from_env({**WHOLE, "PORT": "0", "WEB_CONCURRENCY": " 4 ", "CRASHQ_MAX_LOG_BYTES": "1024",
                              "CRASHQ_LOG_FORMAT": "json", "CRASHQ_REDIS_PREFIX": "two:",
                              "CRASHQ_PUBLIC_URL": "https://crashes.example.com/"})  # fmt: skip

    assert (config.port, config.web_concurrency, config.max_log_bytes, config.log_format) == (0, 4, 1024, "json")
    assert (config.public_url, config.redis_prefix) == ("https://crashes.example.com", "two:")


@pytest.mark.parametrize("name", ["STORAGE_URL", "DATABASE_URL", "REDIS_URL", "CRASHQ_LOG_FORMAT"])
def test_an_empty_variable_counts_as_unset(name):
    if name.startswith("CRASHQ"):
        assert Config.from_env({**WHOLE, name: ""}).log_format == "text"
    else:
        with pytest.raises(ConfigError, match=f"{name} is not set"):
            Config.from_env({**WHOLE, name: ""})


def test_commands_that_enqueue_nothing_need_no_broker():
    environ = {name: value for name, value in WHOLE.items() if name != "REDIS_URL"}

    assert Config.from_env(environ, needs_broker=False).redis_url is None


@pytest.mark.parametrize("name", WHOLE)
def test_a_missing_variable_is_refused_by_name(name):
    environ = {other: value for other, value in WHOLE.items() if other != name}

    with pytest.raises(ConfigError, match=f"^{name} is not set"):
        Config.from_env(environ)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://db/crashq"),
        ("DATABASE_URL", "postgresql:///crashq"),
        ("DATABASE_URL", "postgresql+asyncpg://db/crashq"),
        ("DATABASE_URL", "postgresql+psycopg:///crashq"),
        ("DATABASE_URL", "postgresql+psycopg://db:port/crashq"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite"),
        ("DATABASE_URL", "sqlite://host/crashq.db"),
        ("REDIS_URL", "http://redis:6379"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://redis:99999/0"),
        ("REDIS_URL", "redis://redis:0/0"),
        ("STORAGE_URL", "/var/objects"),
        ("STORAGE_URL", "s3://"),
        ("STORAGE_URL", "s3:///prefix"),
        ("STORAGE_URL", "file://"),
        ("STORAGE_URL", "file://objects/here"),
        ("STORAGE_URL", "gs://bucket"),
        ("SECRET_KEY", "too short"),
        ("SECRET_KEY", " " * 20),
        ("PORT", "http"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("PORT", "８０００"),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_CONCURRENCY", "2.5"),
        ("CRASHQ_WEB_THREADS", "1"),
        ("CRASHQ_WORKER_CONCURRENCY", "none"),
        ("CRASHQ_PUBLIC_URL", "crashes.example.com"),
        ("CRASHQ_TRUSTED_PROXIES", "17"),
        ("CRASHQ_HOSTS", "https://crashes.example.com"),
        ("CRASHQ_BODY_TIMEOUT", "0"),
        ("CRASHQ_MAX_LOG_BYTES", "20M"),
        ("CRASHQ_TOKEN_LIFETIME", "59"),
        ("CRASHQ_RESULT_LIFETIME", "1"),
        ("CRASHQ_TOMBSTONE_LIFETIME", "1e5"),
        ("CRASHQ_JOB_LEASE", "2"),
        ("CRASHQ_JOB_TIME_LIMIT", "3001"),
        ("CRASHQ_MAX_ATTEMPTS", "0"),
        ("CRASHQ_LOG_FORMAT", "xml"),
        ("CRASHQ_REPEAT_FOR", "1001"),
        ("CRASHQ_WITHOUT", "brief_wait"),
        ("CRASHQ_WITHOUT", "debouncing,sleep"),
        ("CRASHQ_ACCEL_REDIRECT", "stored"),
        ("CRASHQ_ACCEL_REDIRECT", "/stored"),  # with S3 as the store
        ("CRASHQ_WEB_STREAMS", "-1"),
        ("CRASHQ_CORS_ORIGINS", "*"),
        ("CRASHQ_CORS_ORIGINS", "null"),
        ("CRASHQ_CORS_ORIGINS", "panel.example.com"),
        ("CRASHQ_CORS_ORIGINS", "https://panel.example.com/"),
        ("CRASHQ_CORS_ORIGINS", "https://Panel.example.com"),
        ("CRASHQ_CORS_ORIGINS", "https://panel.example.com:443"),
        ("CRASHQ_CORS_ORIGINS", "http://localhost:80"),
        ("CRASHQ_CORS_ORIGINS", "https://*.example.com"),
        ("CRASHQ_CORS_ORIGINS", "https://panel.example.com https://other.example.com"),
        ("CRASHQ_REDIS_PREFIX", "two words"),
        ("CRASHQ_REDIS_PREFIX", "p" * 65),
    ],
)
def test_a_senseless_value_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=f"^{name} "):
        Config.from_env({**WHOLE, name: value})


def test_origins_are_kept_as_browsers_name_them():
    value = "https://panel.example.com, http://localhost:5173,http://[::1]:8080,"

    config = Config.from_env({**WHOLE, "CRASHQ_CORS_ORIGINS": value})

    assert config.cors_origins == ("https://panel.example.com", "http://localhost:5173", "http://[::1]:8080")
    assert Config.from_env(WHOLE).cors_origins == ()


def test_commands_beside_a_running_service_know_its_port(tmp_path: Path):
    (tmp_path / PORT_FILE).write_text("8123\n")

    assert Config.from_env(embedded_environment(tmp_path, {}), needs_broker=False).port == 8123
    assert Config.from_env(embedded_environment(tmp_path, {"PORT": "9000"}), needs_broker=False).port == 9000


def test_the_embedded_environment_is_a_whole_configuration_in_one_folder(tmp_path: Path):
    environ = embedded_environment(tmp_path / "new" / "data", {})

    config = Config.from_env(environ, needs_broker=False)
    assert config.database_url == f"sqlite:///{tmp_path}/new/data/crashq.db"
    assert config.storage_url == f"file://{tmp_path}/new/data/objects"
    assert config.redis_url is None


def test_the_embedded_secret_is_made_once_and_is_only_for_its_owner(tmp_path: Path):
    first, second = embedded_environment(tmp_path, {}), embedded_environment(tmp_path, {})

    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0


def test_the_embedded_environment_has_the_broker_of_a_running_service(tmp_path: Path):
    (tmp_path / BROKER_URL_FILE).write_text("redis://127.0.0.1:1234/0\n")

    assert embedded_environment(tmp_path, {})["REDIS_URL"] == "redis://127.0.0.1:1234/0"


def test_what_is_set_goes_before_the_embedded_defaults(tmp_path: Path):
    environ = embedded_environment(tmp_path, {**WHOLE, "PORT": ""})

    assert environ == {**WHOLE, "CRASHQ_METRICS_DIR": str(tmp_path / "metrics")}
    assert not (tmp_path / "secret.key").exists()


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match=f"--data-dir {tmp_path}/file/data"):
        embedded_environment(tmp_path / "file" / "data", {})


def test_every_part_for_speed_is_on_unless_it_is_left_out():
    some = Config.from_env({**WHOLE, "CRASHQ_WITHOUT": "brief-wait, async-commits"}).speed

    assert Config.from_env(WHOLE).speed == Speed(*[True] * len(PARTS))
    assert some == Speed(brief_wait=False, async_commits=False)
    assert Config.from_env({**WHOLE, "CRASHQ_WITHOUT": ",".join(PARTS)}).speed == Speed(*[False] * len(PARTS))
