"""What an agent's owner reads and orders over HTTP, and nobody else."""
