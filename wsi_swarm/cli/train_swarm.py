"""``wsi-swarm train-swarm``: one centre's node, until the run ends."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("train-swarm")(train_swarm)


def train_swarm(
    clini: Path = typer.Option(..., "--clini", help="Clinical table (CSV or XLSX) of this centre."),
    slides: Path | None = typer.Option(None, "--slides", help="Slide table (CSV or XLSX) with PATIENT and FILENAME."),
    features: Path | None = typer.Option(None, "--features", help="Folder of the feature files that extract wrote."),
    table: Path | None = typer.Option(
        None,
        "--table",
        help="For a run with [table], instead of slides and features: measurements (CSV or TSV, also .gz) with a row "
        "per patient and the column PATIENT, or a row per gene and the first header cell GENE.",
    ),
    columns: Path | None = typer.Option(
        None, "--columns", help="List of the table's columns that the run reads, one per line, if it has more."
    ),
    start_model: Path | None = typer.Option(
        None,
        "--start-model",
        help="For a run that goes on from an old one: that run's model. A centre without it has it from the others.",
    ),
    run: Path = typer.Option(Path("run.toml"), "--run", help="The run that all centres agreed on, the same file."),
    federation: Path = typer.Option(Path("federation.json"), "--federation", help="The swarm's federation file."),
    dir: Path = typer.Option(Path(), "--dir", help="Folder of this centre's identity (made by 'swarm init')."),
    state: Path = typer.Option(Path("state"), "--state", help="Folder of checkpoints and of what the audit reads."),
    rpc: str = typer.Option("http://127.0.0.1:8545", "--rpc", help="URL of this centre's chain node."),
    bind: str | None = typer.Option(
        None, "--bind", help="Where to listen, if not at the endpoint, for example tcp://*:5101 behind a firewall."
    ),
    socks: str = typer.Option(
        "",
        "--socks",
        envvar="WSI_SWARM_SOCKS_PROXY",
        help="SOCKS5 proxy HOST:PORT through which the other centres are called.",
    ),
) -> None:
    """Take part in a run as one centre: train here, merge with the others, until the agreed rounds are done.

    Only model updates leave this machine. The node may be stopped (Ctrl-C) or killed at any moment; started again with
    the same options it goes on where it was. It votes yes by itself on a proposed run that is exactly its run.toml.
    At the end it prints the path of the model and its root, which stands on the chain and is the same at every centre.
    """
    import os
    import signal

    from wsi_swarm.swarm.config import read_run_config
    from wsi_swarm.swarm.identity import load_identity, passphrase_from
    from wsi_swarm.swarm.ledger.federation import read_federation
    from wsi_swarm.swarm.network.address import bind_address, socks_address

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        config = read_run_config(run)
        known = read_federation(federation)
        identity = load_identity(dir, passphrase_from(os.environ))

        from wsi_swarm.swarm.node.learning import make_learner
        from wsi_swarm.swarm.node.service import Service

        learner = make_learner(config, clini, slides, features, table, columns)
        weight = config.weight_of(learner.n_patients)
        reached = f"listening for {identity.endpoint}" if identity.endpoint else "dialling out only"
        _say(f"{identity.name}: {learner.n_patients} patients, merge weight {weight}, {reached}")
        where = bind or bind_address(identity.endpoint)
        proxy = socks_address(socks) if socks else ""
        service = Service(config, identity, known, dir, state, rpc, where, learner, _say, start_model, proxy)
        path, root = service.run()
    except KeyboardInterrupt:
        _say("stopped; start it again with the same options to go on")
        raise typer.Exit(130) from None
    typer.echo(f"{path} {root}")


def _say(line: str) -> None:
    typer.echo(line, err=True)
