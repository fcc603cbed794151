"""Loops over runtimes and cases that yield data; what they yield is rendered elsewhere."""
