"""The server: listening, jobs, limits, worker pool, worker process."""
