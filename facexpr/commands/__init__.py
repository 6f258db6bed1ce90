"""One module a command: a docstring, add_arguments(parser), and run(args) -> exit code or None."""
