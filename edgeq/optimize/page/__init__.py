"""What `edgeq optimize` found, for people: on a terminal and as an HTML page with the front drawn."""
