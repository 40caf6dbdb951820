"""YAML as people write it: values that know their file and line, merged, and turned into typed objects.

Nothing here knows what an experiment or a setting is. Rule: whatever is wrong in a document is
said with the place where it was written, all problems of a document at once.
"""
