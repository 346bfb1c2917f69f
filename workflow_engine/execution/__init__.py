"""What happens next: inputs in, events out. Pure: no clock, no chance, no I/O; every instant arrives in an input."""
