"""What is shown while an experiment runs."""
