"""Images, masks and sounds: one file to one array."""
