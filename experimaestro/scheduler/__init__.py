"""What is done, and by whom: `engine` decides, `loop` does."""
