"""Made by protos/generate.py from the protos; not to be edited."""
