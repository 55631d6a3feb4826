"""What can be asked below `/v1`, one file a subject."""
