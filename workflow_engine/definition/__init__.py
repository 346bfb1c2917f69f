"""What a workflow IS: the document, how it is read and checked, and the plan it lowers to. Pure."""
