"""The commands, a file each: read the arguments, ask a place or the server, print."""
