"""Who saw which patient: every launch, read, model call, refusal and end, append-only. It is not the log."""
