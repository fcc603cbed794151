"""The command line: one module a command under `commands/`, nothing computed here."""
