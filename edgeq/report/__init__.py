"""Reports: what a user looks at, on the console and as JSON Lines, JSON, CSV, Markdown and HTML."""
