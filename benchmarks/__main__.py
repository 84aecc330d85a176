"""``python -m benchmarks COMMAND``."""

import argparse
import importlib
import sys

COMMANDS = {
    "demo": "the main job: several methods on wrong labels, a table and a figure",
    "run": "scenarios over seeds, results as CSV",
    "panel": "every method for wrong labels with its defaults, and what one would take instead, on many small tables",
    "compare": "paired differences to a baseline, and the papers' figures beside ours",
    "audit_share": "how far the audit's share of wrong labels is off, beside cleanlab's",
    "speed": "ratios to bare torch loops",
    "scaling": "an epoch on more and more rows, in memory and on disk: seconds, memory and exponents",
    "gpu": "correctness, speed and accuracy on one GPU, within so many minutes",
    "reliability": "the long run of kills, damaged files and odd inputs, and what safety costs",
    "tables": "write the tables of result files into a Markdown page",
}


def main(argv=None):
    """Parse the command line and run one command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        importlib.import_module(f"benchmarks.{name}").add_arguments(command)
    args = parser.parse_args(argv)
    try:
        return importlib.import_module(f"benchmarks.{args.command}").main(args)
    except (ValueError, FileNotFoundError) as error:
        print(f"{parser.prog} {args.command}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
