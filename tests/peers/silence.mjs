// Never answers anything, not even `initialize`; ends when stdin is closed.
process.stdin.resume();
