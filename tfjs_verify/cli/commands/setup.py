"""tfjs-verify setup: provision the Node side ahead of its first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tfjs_verify.cli import options

if TYPE_CHECKING:
    from tfjs_verify.bridge.installation import Linkage


@click.command(name="setup")
@options.backends
@click.option(
    "--tfjs-node",
    type=click.Choice(("linked", "stock")),
    help="The node backend's addon: compiled here against pip's TensorFlow (linked, the default), "
    "or downloaded with libtensorflow 2.9.1 by tfjs-node's own script (stock). Later runs use what "
    "was chosen.",
)
def command(backends: tuple[str, ...], tfjs_node: Linkage | None) -> int:
    """Install the Node side of tfjs-verify, which first use would do otherwise.

    Needs the npm registry, and for the node backend a C++ compiler. Works offline afterwards.
    """
    from rich.console import Console

    from tfjs_verify.bridge.installation import choose_linkage, provision

    console = Console(stderr=True)
    with console.status("Looking at what is there") as status:

        def tell(line: str) -> None:
            status.update(line)
            if not console.is_terminal:
                click.echo(line, err=True)

        ready = provision(backends=backends, tfjs_node=tfjs_node, progress=tell)
        if tfjs_node is not None:
            choose_linkage(tfjs_node)
    click.echo(f"Ready: {', '.join(backends)} on Node {ready.node_version}, {ready.modules}")
    return 0
