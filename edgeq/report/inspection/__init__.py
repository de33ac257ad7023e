"""What `edgeq inspect` shows of files: on the console, as JSON and as one HTML page. Two files are compared alike."""
