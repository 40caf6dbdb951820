"""The vocabulary: every event, every state, and the one fold. No I/O, and nothing of ours but exceptions."""
