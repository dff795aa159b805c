"""The broker's access rules, made from the county: one role per service, and each gateway only on its own topics.

``ROLES`` is the one table; mosquitto's file is written from it and the tests try every cell of it on a real mosquitto.
A role's account has the role's name (``collector``), a gateway's account has the name of its edge node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from lampwell.assets import County, EdgeNode

DATA = ("NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH")


@dataclass(frozen=True, slots=True)
class Role:
    """An account and the topic filters it may write and read."""

    account: str
    what: str
    write: tuple[str, ...] = ()
    read: tuple[str, ...] = ()


def roles(county: County) -> Iterator[Role]:
    """Every account of a county's broker. What is not granted is refused."""
    for edge in county.edges:
        yield _gateway(edge, county.host_id)
    state = f"spBv1.0/STATE/{county.host_id}"
    yield Role("collector", "stores what all gateways say, and acknowledges it", (state, "spBv1.0/+/NCMD/+"), ("spBv1.0/#",))
    yield Role("control", "commands nodes and devices", ("spBv1.0/+/NCMD/+", "spBv1.0/+/DCMD/+/+"), ("spBv1.0/#",))
    yield Role("reader", "looks on: lampwell tail --passive, a dashboard", (), ("spBv1.0/#",))


def _gateway(edge: EdgeNode, host_id: str) -> Role:
    group = f"spBv1.0/{edge.area}"
    write = (
        *(f"{group}/{verb}/{edge.id}" for verb in DATA if verb.startswith("N")),
        *(f"{group}/{verb}/{edge.id}/+" for verb in DATA if verb.startswith("D")),
    )
    read = (f"{group}/NCMD/{edge.id}", f"{group}/DCMD/{edge.id}/+", f"spBv1.0/STATE/{host_id}")
    return Role(edge.id, f"the gateway of {edge.area}", write, read)


def mosquitto_acl(county: County) -> str:
    """The text of mosquitto's ``acl_file``."""
    lines = [f"# Access rules of {county.id}, written by `lampwell acl`. What is not granted is refused.", ""]
    for role in roles(county):
        lines += [f"# {role.what}", f"user {role.account}"]
        lines += [f"topic write {topic}" for topic in role.write]
        lines += [f"topic read {topic}" for topic in role.read]
        lines.append("")
    return "\n".join(lines)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("counties/taihe"))
def acl(folder: Path) -> None:
    """Write mosquitto's access rules for a county to standard output.

    One account per gateway (named as its edge node), and collector, control, reader.
    """
    from lampwell.county import load

    click.echo(mosquitto_acl(load(folder)), nl=False)
