"""What `workflow-engine doctor` looks at: a file for each part of the surroundings, each answering findings."""
