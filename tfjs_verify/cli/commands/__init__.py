"""One module per command; each defines `command` and imports what is heavy when it runs."""
