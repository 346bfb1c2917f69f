"""The command line: one small file per command; what runs on a server is imported only by the command that needs it."""
