"""What stands behind ./run: the environment, the system components and the subcommands; standard library only."""
