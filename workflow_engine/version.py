"""The version of this program, in the one place that the build, the server and the command line read."""

VERSION = "0.1.0"
