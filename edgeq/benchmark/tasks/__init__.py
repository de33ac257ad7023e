"""What models do, and how well: one module a task, from outputs to metrics."""
