"""The command line: rewriting and more, without a pipeline.

TensorFlow is imported only after the arguments are parsed, so `--help` is fast.
"""

import contextlib
import difflib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import click

from tfx_tflite_component.standalone.cli import terminal
from tfx_tflite_component.standalone.cli.benchmark import benchmark
from tfx_tflite_component.standalone.cli.check_golden import check_golden
from tfx_tflite_component.standalone.cli.compare import compare
from tfx_tflite_component.standalone.cli.convert import convert
from tfx_tflite_component.standalone.cli.history import history
from tfx_tflite_component.standalone.cli.inspect import inspect
from tfx_tflite_component.standalone.cli.targets import targets
from tfx_tflite_component.standalone.cli.validate import validate
from tfx_tflite_component.version import __version__


class _Group(click.Group):
    """Commands; the error about an unknown one lists all of them and the nearest."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """The command that the arguments name."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = difflib.get_close_matches(name, self.commands, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            known = ", ".join(sorted(self.commands))
            ctx.fail(f"No such command {name!r}; expected one of {known}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Group,
    commands=[convert, inspect, compare, benchmark, check_golden, history, validate, targets],
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 success, 1 a check failed, 2 bad input, 70 an internal error, 130 "
    "interrupted.",
)
@click.version_option(__version__, message="%(version)s")
def _commands() -> None:
    """Convert models to TensorFlow Lite, and check what comes out."""


def run() -> int:
    """The program: `main`, without output that libraries write to the terminal directly."""
    # as for Ctrl-C: incomplete results are deleted
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # the terminal was closed; nohup ignores this signal
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    with open(os.devnull, "w") as nowhere:
        with contextlib.suppress(OSError):  # the caller may have closed it
            sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
        os.dup2(nowhere.fileno(), 2)
        exit_code = main()
        # nothing must remain to be flushed when Python exits: a failure would change the exit code
        os.dup2(nowhere.fileno(), 1)
    return exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: The arguments after the program's name; those of this process if None.

    Returns:
        The exit code, as in `terminal`.
    """
    try:
        return int(
            _commands.main(
                None if arguments is None else list(arguments),
                prog_name=terminal.PROGRAM,
                standalone_mode=False,
            )
            or terminal.OK
        )
    except click.ClickException as e:
        context = getattr(e, "ctx", None)
        where = context.command_path if context else terminal.PROGRAM
        message = e.format_message().rstrip(".")
        return terminal.failed(f"{message}; see {where} --help", terminal.BAD_INPUT)


if __name__ == "__main__":
    sys.exit(run())
