"""The `tfjs-verify` command: every error becomes a message and an exit status here."""

from __future__ import annotations

import importlib
import os
import sys

import click

from tfjs_verify.errors import TfjsVerifyError

COMMANDS = ("verify", "convert", "preflight", "mutate", "setup", "doctor")


class Commands(click.Group):
    """Loads a command's module when the command is named, so that each starts as fast as it can."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order in which a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tfjs_verify.cli.commands.{cmd_name}")
        command: click.Command = module.command
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tfjs-verify", prog_name="tfjs-verify")
def cli() -> None:
    """Convert TensorFlow models to TensorFlow.js, and prove that they compute the same there.

    Exit status: 0 all in parity; 1 some model or backend is not; 2 the request is wrong;
    3 something is missing on this machine.
    """


def main() -> None:
    """Entry point of the console script."""
    # Unless told not to, TensorFlow's C++ speaks of CUDA and CPU features in every run.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        status = cli.main(prog_name="tfjs-verify", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except TfjsVerifyError as error:
        click.echo(f"error: {error.message}", err=True)
        sys.exit(error.exit_code)
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
