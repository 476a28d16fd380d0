"""Which processes run, with which command, port and environment, in which profile."""

import base64
import secrets
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from config import embedded
from config.environment import read_runtime
from config.supervisor import fingerprints, probes
from config.supervisor.service import Port, Service, Wave

ROOT = Path(__file__).resolve().parent.parent.parent
# The setting that moves a port, and where it is unless told otherwise: out of the way of a developer's own servers.
PORTS = {
    "PORT": 8000,
    "STATUS_PORT": 8010,
    "POSTGRES_PORT": 54320,
    "REDIS_PORT": 56379,
    "DEVNET_PORT": 18545,
    "SMTP_SINK_PORT": 10025,
}
# Every process there can be; which of them there are depends on the profile and the environment.
# What nearly everything needs: the tables, and the broker.
LOADED = ("migrate", "redis")
JOBS = ("migrate", "static", "demo")
NAMES = {"postgres", "redis", "devnet", "mail", "web", "worker", "beat", "ledger", "watch", "status", *JOBS}


class BadOption(Exception):
    """An option that cannot be followed; its text says which."""


@dataclass(frozen=True)
class Options:
    """What the command line and the environment ask for."""

    profile: str
    state_dir: Path
    environ: Mapping[str, str]
    only: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    @property
    def production(self) -> bool:
        return self.profile == "production"

    def port(self, setting: str) -> int:
        text = self.environ.get(setting) or str(PORTS[setting])
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise BadOption(f"{setting} is {text!r}: it must be a port number from 1 to 65535")
        return int(text)


def environment(options: Options) -> dict[str, str]:
    """What every child is told beyond our own environment; in the demo also written to runtime.env."""
    base = {
        "BREAKGLASS_PROFILE": options.profile,
        "BREAKGLASS_STATE": str(options.state_dir),
        "STATUS_DIR": str(_status_folder(options)),
    }
    if options.production:
        return base
    known = read_runtime(options.state_dir / "runtime.env")
    port = {name: str(options.port(name)) for name in PORTS}
    made = {
        "SECRET_KEY": known.get("SECRET_KEY") or secrets.token_urlsafe(50),
        "FIELD_KEYS": known.get("FIELD_KEYS") or base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "DATABASE_URL": f"postgres://breakglass@127.0.0.1:{port['POSTGRES_PORT']}/breakglass",
        "REDIS_URL": f"redis://127.0.0.1:{port['REDIS_PORT']}/0",
        "DEVNET_RPC_URL": f"http://127.0.0.1:{port['DEVNET_PORT']}",
        "PUBLIC_URL": f"http://localhost:{port['PORT']}",  # a passkey cannot belong to an IP address
        **port,
    }
    if options.only:  # parts beside a running instance: what it wrote stands for all that these do not own
        made |= {name: value for name, value in known.items() if name not in options.environ}
    return {**base, **{name: options.environ.get(name) or value for name, value in made.items()}}


def _status_folder(options: Options) -> Path:
    return Path(options.environ.get("STATUS_DIR") or options.state_dir / "status").absolute()


def services(options: Options, env: Mapping[str, str]) -> list[Service]:
    """All that this profile has, less what the options leave out."""
    found = _application(options, env) if options.production else [*_stores(options), *_demo(options, env)]
    names = {service.name for service in found}
    if unknown := sorted((options.only - names) | (options.without - NAMES)):
        raise BadOption(f"there is no process {unknown[0]!r} here: choose from {', '.join(sorted(names))}")
    return [s for s in found if (not options.only or s.name in options.only) and s.name not in options.without]


def _manage(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(ROOT / "manage.py"), *arguments)


def _stores(options: Options) -> list[Service]:
    """Embedded PostgreSQL and Redis, unless real ones are named."""
    found = []
    if not options.environ.get("DATABASE_URL"):
        port = options.port("POSTGRES_PORT")
        data = options.state_dir / "postgres"
        found.append(
            Service(
                name="postgres",
                command=tuple(embedded.postgres_command(data, port)),
                ready=probes.postgres(port, data),
                port=Port(port, "POSTGRES_PORT"),
                wave=Wave.STORE,
                stop=signal.SIGINT,
                unprivileged=True,
            )
        )
    if not options.environ.get("REDIS_URL"):
        port = options.port("REDIS_PORT")
        found.append(
            Service(
                name="redis",
                command=tuple(embedded.redis_command(options.state_dir / "redis", port)),
                ready=probes.redis(port),
                port=Port(port, "REDIS_PORT"),
                wave=Wave.STORE,
            )
        )
    return found


def _demo(options: Options, env: Mapping[str, str]) -> list[Service]:
    """What production does by hand or has elsewhere: tables, static files, a chain, a mail server, something to see."""
    found = [*_jobs(options, env), *_application(options, env)]
    if options.environ.get("DEVNET_ENABLED", "true").lower() not in ("0", "false", "no", "off"):
        found.append(_devnet(options, env))
    if not options.environ.get("EMAIL_HOST"):
        found.append(_mail(options, env))
    return found


def _jobs(options: Options, env: Mapping[str, str]) -> list[Service]:
    migrate = Service(
        "migrate",
        _manage("migrate", "--no-input", "-v", "0"),
        env=env,
        needs=("postgres",),
        once=True,
        # Somebody else's database may change without us.
        mark=None if options.environ.get("DATABASE_URL") else partial(fingerprints.migrations, ROOT, options.state_dir),
    )
    static = Service(
        "static",
        _manage("collectstatic", "--no-input", "-v", "0"),
        env=env,
        once=True,
        mark=None if options.environ.get("STATIC_ROOT") else partial(fingerprints.static, ROOT, options.state_dir),
    )
    demo = Service("demo", _manage("demo", "load"), env=env, needs=(*LOADED, "devnet"), once=True, vital=False)
    # The test profile serves static files from where they lie (settings.STORAGES).
    return [migrate, demo] if options.profile == "test" else [migrate, static, demo]


def _devnet(options: Options, env: Mapping[str, str]) -> Service:
    port = options.port("DEVNET_PORT")
    return Service(
        "devnet",
        _manage("devnet", "run"),
        env=env,
        ready=probes.chain(port, options.state_dir / "devnet" / "deployment.json"),
        port=Port(port, "DEVNET_PORT"),
        wave=Wave.CHAIN,
    )


def _mail(options: Options, env: Mapping[str, str]) -> Service:
    port = options.port("SMTP_SINK_PORT")
    return Service(
        "mail",
        _manage("mail_sink"),
        env=env,
        needs=("migrate",),
        ready=probes.listens(port),
        port=Port(port, "SMTP_SINK_PORT"),
    )


def _application(options: Options, env: Mapping[str, str]) -> list[Service]:
    """What production runs too."""
    web_port = options.port("PORT")
    return [
        Service(
            "web",
            (sys.executable, "-m", "config.web"),
            env=env,
            needs=(*LOADED, "static"),
            ready=probes.http(web_port, "/healthz"),
            port=Port(web_port, "PORT"),
        ),
        Service("worker", _worker(options), env={**env, "REMAP_SIGTERM": "SIGQUIT"}, needs=LOADED),
        # Nothing in the schedule is rarer than seconds: its memory of the last run need not be kept.
        Service("beat", _celery("config.beat", "beat", "--scheduler=celery.beat:Scheduler"), env=env, needs=("redis",)),
        Service("ledger", _manage("ledger", "run"), env=env, needs=LOADED),
        Service("watch", _manage("watch"), env=env, needs=LOADED),
        _status(options, env),
    ]


def _status(options: Options, env: Mapping[str, str]) -> Service:
    """Needs nothing: the public's copy stays readable whatever else has not come up, or has died."""
    port = options.port("STATUS_PORT")
    command = (sys.executable, "-I", str(ROOT / "tools" / "status_server.py"), "--port", str(port))
    return Service(
        "status",
        (*command, "--folder", str(_status_folder(options))),
        env=env,
        ready=probes.http(port, "/healthz"),
        port=Port(port, "STATUS_PORT"),
    )


def _celery(app: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "--quiet", "-A", app, *arguments)


def _worker(options: Options) -> tuple[str, ...]:
    threads = options.environ.get("WORKER_THREADS") or "4"
    return _celery(
        "config",
        "worker",
        "--pool=threads",
        f"--concurrency={threads}",
        "--without-mingle",
        "--without-gossip",
        "--loglevel=INFO",
    )
