"""What the doctor found, as text, as JSON and as annotations of a workflow."""
